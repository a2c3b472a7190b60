#include "core/cuda/graph.h"

#include "core/cuda/check.h"

namespace convoy::cuda {
namespace {

void destroy_graph(cudaGraph_t graph) noexcept { check_quietly(cudaGraphDestroy(graph), "cudaGraphDestroy"); }
using Captured = Handle<cudaGraph_t, destroy_graph>;

/// Ends what has begun, also where queueing fails: a stream that stays in capture is of no use.
Captured capture(const Stream& stream, FunctionRef<void()> queue) {
  // Other threads, which drive GPUs of their own, may allocate meanwhile.
  CONVOY_CUDA_CALL(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph = nullptr;
  try {
    queue();
  } catch (...) {
    cudaStreamEndCapture(stream.get(), &graph);  // its error would follow from the one that is thrown
    cudaGetLastError();
    const Captured unwanted(graph);
    throw;
  }
  const cudaError_t code = cudaStreamEndCapture(stream.get(), &graph);
  Captured captured(graph);
  check(code, "cudaStreamEndCapture");
  return captured;
}

}  // namespace

Graph::Graph(const Stream& stream, FunctionRef<void()> queue) {
  const Captured captured = capture(stream, queue);
  CONVOY_CUDA_CALL(cudaGraphGetNodes(captured.get(), nullptr, &nodes_));
  cudaGraphExec_t executable = nullptr;
  CONVOY_CUDA_CALL(cudaGraphInstantiate(&executable, captured.get(), 0));
  executable_ = decltype(executable_)(executable);
}

void Graph::launch(const Stream& stream) const {
  CONVOY_CUDA_CALL(cudaGraphLaunch(executable_.get(), stream.get()));
}

void Graph::destroy(cudaGraphExec_t graph) noexcept {
  check_quietly(cudaGraphExecDestroy(graph), "cudaGraphExecDestroy");
}

}  // namespace convoy::cuda
