#pragma once

#include <map>
#include <string>

#include "core/cpu/backend.h"
#include "core/cpu/isa.h"
#include "layers/model.h"
#include "layers/network.h"
#include "layers/worker_pool.h"

namespace convoy {

/// What computes in this process: kernels for the model, and threads that run them.
class Engine {
 public:
  struct Options {
    Isa isa = widest_isa();
    int threads = 1;
    std::map<std::string, std::string> kernels{};  ///< layer name -> provider
    config::Precision precision = config::Precision::float32;
  };

  /// The model must outlive the engine. Throws ConfigError.
  Engine(const Model& model, const Options& options);

  Isa isa() const { return isa_; }
  const CpuBackend& backend() const { return backend_; }
  Network& network() { return network_; }
  const Network& network() const { return network_; }
  WorkerPool& pool() { return pool_; }

 private:
  Isa isa_;
  CpuBackend backend_;
  WorkerPool pool_;
  Network network_;
};

}  // namespace convoy
