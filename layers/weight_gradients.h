#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/arena.h"
#include "core/gradient_sink.h"
#include "core/profiler.h"
#include "layers/network.h"
#include "layers/step_plan.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Forms the weight gradients that kernels leave until all local slices have passed
/// (Kernel::defers_weight_gradient): part by part, each summed over the slices while it is in the cache.
class WeightGradients {
 public:
  /// `workspaces`: one a worker, of the memory plan's size. What is referred to must outlive the object.
  WeightGradients(const Network& network, const MemoryPlan& memory, WorkerPool& pool, Profiler& profiler,
                  std::vector<void*> workspaces);

  void begin_step() { bad_block_ = 0; }
  /// Those of a segment's blocks, from `own`: the memory of each local slice's own.
  void form(const StepPlan& plan, std::span<const Arena> own, GradientSink& sink, std::size_t segment);
  /// One more than the last block that could not be summed in this step; 0: all could.
  std::size_t bad_block() const { return bad_block_; }

  std::size_t memory_bytes() const;

 private:
  void find_slices(const StepPlan& plan, std::span<const Arena> own, std::size_t block);
  void form_part(GradientSink& sink, int worker, std::size_t block, const WeightGradientPart& part);

  const Network& network_;
  const MemoryPlan& memory_;
  WorkerPool& pool_;
  Profiler& profiler_;
  std::vector<void*> workspaces_;
  std::vector<Arena> sums_;                        ///< one a worker: of a part
  std::vector<WeightGradientArgs::Slice> slices_;  ///< of the block whose gradient is being formed
  std::atomic<std::size_t> bad_block_{0};
};

}  // namespace convoy
