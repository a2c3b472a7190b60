#pragma once

#include <map>
#include <string>

#include "core/cpu/backend.h"
#include "launcher/engine.h"
#include "layers/network.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Computes on this host's cores: a network compiled for them, and threads that run its kernels.
class CpuEngine : public Engine {
 public:
  struct Options {
    Isa isa = widest_isa();
    int threads = 1;
    std::map<std::string, std::string> kernels{};  ///< layer name -> provider
    config::Precision precision = config::Precision::float32;
  };

  /// The model must outlive the engine. Throws ConfigError.
  CpuEngine(const Model& model, const Options& options);

  const CpuBackend& backend() const { return backend_; }
  Network& network() { return network_; }
  const Network& network() const { return network_; }
  WorkerPool& pool() { return pool_; }

  std::vector<EngineBlock> blocks() const override;
  int workers() const override { return pool_.workers(); }
  std::unique_ptr<Stepper> make_stepper(const Setup& setup, const Training& training) override;
  std::unique_ptr<Evaluator> make_evaluator(std::int64_t total) override;
  std::unique_ptr<HostGroup> join_hosts(Communicator& communicator, const Model& model,
                                        const std::function<void(const std::string&)>& warn) override;
  MemoryUse memory_of_training(const Setup& setup, int ranks, std::size_t activations) const override;
  MemoryUse memory_of_evaluation(std::size_t activations) const override;
  std::size_t expected_activations(const Setup& setup, int ranks) override;
  NumericsFingerprint numerics(std::int64_t slice_samples) override;
  MachinePeaks measure_peaks(int workers_on_host) override;

 private:
  CpuBackend backend_;
  WorkerPool pool_;
  Network network_;
};

}  // namespace convoy
