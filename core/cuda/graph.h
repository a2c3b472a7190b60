#pragma once

#include <cuda_runtime_api.h>

#include "core/cuda/handle.h"
#include "core/cuda/stream.h"
#include "core/function_ref.h"

namespace convoy::cuda {

/// Work that was queued once and is launched as a whole, with the arguments that it was queued with.
class Graph {
 public:
  Graph() = default;
  /// What `queue` queues in `stream`, and in streams that wait for events of it and that it waits for again
  /// at the end. Nothing runs. `queue` may neither allocate nor synchronize.
  Graph(const Stream& stream, FunctionRef<void()> queue);

  explicit operator bool() const { return static_cast<bool>(executable_); }
  void launch(const Stream& stream) const;
  /// Kernels, copies and the like in it.
  std::size_t nodes() const { return nodes_; }

 private:
  static void destroy(cudaGraphExec_t graph) noexcept;
  Handle<cudaGraphExec_t, destroy> executable_;
  std::size_t nodes_ = 0;
};

}  // namespace convoy::cuda
