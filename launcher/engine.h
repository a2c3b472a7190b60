#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/host_group.h"
#include "core/cpu/isa.h"
#include "core/data/input_pipeline.h"
#include "core/ops.h"
#include "core/optim/optimizer.h"
#include "launcher/fingerprint.h"
#include "launcher/machine_peaks.h"
#include "launcher/memory_use.h"
#include "launcher/stepper.h"
#include "launcher/training_state.h"
#include "launcher/watchdog.h"
#include "layers/evaluator.h"

namespace convoy {

struct Setup;

/// Consecutive ops that one kernel computes.
struct EngineBlock {
  std::span<const Op> ops;
  std::string kernel;                  ///< "onednn: convolution + relu"
  bool weight_gradient_apart = false;  ///< formed once a step, over all slices

  const std::string& layer_name() const { return ops.front().layer_name; }
  std::int64_t parameter_elements() const;
};

/// What computes in this process: kernels for a model on a device, and what runs them.
class Engine {
 public:
  /// What a training is made of, besides its setup; all must outlive its stepper.
  struct Training {
    const InputPipeline& pipeline;
    const Optimizer& optimizer;
    TrainingState& state;
    Communicator& communicator;
    Watchdog* watchdog = nullptr;  ///< told of progress, if any
  };

  virtual ~Engine() = default;

  /// The instruction set of this process's own loops on the host.
  Isa isa() const { return isa_; }
  const simd::Table& loops() const { return loops_of(isa_); }

  virtual std::vector<EngineBlock> blocks() const = 0;
  /// Threads of this process that compute at the same time; on a GPU one.
  virtual int workers() const = 0;

  /// Collective.
  virtual std::unique_ptr<Stepper> make_stepper(const Setup& setup, const Training& training) = 0;
  /// For a split of `total` samples.
  virtual std::unique_ptr<Evaluator> make_evaluator(std::int64_t total) = 0;
  /// Where the ranks of a host keep the weights once for all, if this engine's steps do and the host lends
  /// the memory; `warn` is told where it does not. Collective.
  virtual std::unique_ptr<HostGroup> join_hosts(Communicator& communicator, const Model& model,
                                                const std::function<void(const std::string&)>& warn) = 0;

  /// What training takes in the rank that has most to do, `activations` being Stepper::memory_bytes().
  virtual MemoryUse memory_of_training(const Setup& setup, int ranks, std::size_t activations) const = 0;
  virtual MemoryUse memory_of_evaluation(std::size_t activations) const = 0;
  /// Stepper::memory_bytes() of a rank that has its full share, without making one.
  virtual std::size_t expected_activations(const Setup& setup, int ranks) = 0;

  /// What decides the bits besides the config and the binary: libraries, instruction sets, the GPU's
  /// architecture, and a hash of a step on a fixed input of `slice_samples` samples: libraries choose by
  /// size.
  virtual NumericsFingerprint numerics(std::int64_t slice_samples) = 0;
  /// What a worker gets of the machine while all workers of the process are at it. Ranks that share a host
  /// call it together; `workers_on_host`: of all of them.
  virtual MachinePeaks measure_peaks(int workers_on_host) = 0;

 protected:
  explicit Engine(Isa isa) : isa_(isa) {}

 private:
  Isa isa_;
};

}  // namespace convoy
