// The CUDA runtime's captures and graphs.
#include <algorithm>
#include <utility>

#include "tests/support/fake_cuda/machine.h"

using namespace convoy::fake_cuda;

namespace {

/// Whether all that was captured in other streams comes before what the first one ends with.
bool is_joined(const Capture& capture) {
  std::vector<bool> reached(capture.nodes.size());
  std::vector<std::size_t> open = capture.origin->frontier;
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (reached[node]) continue;
    reached[node] = true;
    const auto& after = capture.nodes[node].after;
    open.insert(open.end(), after.begin(), after.end());
  }
  return std::all_of(reached.begin(), reached.end(), [](bool is) { return is; });
}

cudaError_t end_capture(cudaStream_t stream) {
  const std::shared_ptr<Capture> capture = stream->capture;
  if (!capture) return cudaErrorIllegalState;
  if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
  if (capture != current_capture()) return cudaErrorStreamCaptureWrongThread;
  const bool joined = is_joined(*capture);
  for (const auto captured : capture->streams) {
    captured->capture = nullptr;
    captured->frontier.clear();
  }
  capture->ended = true;
  current_capture() = nullptr;
  if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
  return joined ? cudaSuccess
                : reject(cudaErrorStreamCaptureUnjoined,
                         "captured work that the first stream does not wait for");
}

}  // namespace

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return call("cudaStreamBeginCapture", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (mode != cudaStreamCaptureModeThreadLocal)
      return reject(cudaErrorNotSupported, "a capture that other threads can break");
    if (found->capture || current_capture()) return cudaErrorIllegalState;
    found->capture = std::make_shared<Capture>();
    found->capture->origin = found;
    found->capture->streams = {found};
    current_capture() = found->capture;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call_always("cudaStreamEndCapture", [&](State& state, bool fails) {
    *graph = nullptr;
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = found->capture;
    const cudaError_t code = end_capture(found);
    if (fails || code != cudaSuccess) return code;
    *graph = new CUgraph_st{.nodes = std::move(capture->nodes)};
    state.graphs.insert(*graph);
    acquired("cudaStreamEndCapture", *graph);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* number) {
  return call("cudaGraphGetNodes", [&](State& state) {
    if (!state.graphs.contains(graph) || nodes) return cudaErrorInvalidValue;
    *number = graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call_always("cudaGraphDestroy", [&](State& state, bool) {
    if (!released("cudaStreamEndCapture", graph)) return cudaErrorInvalidValue;
    state.graphs.erase(graph);
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call("cudaGraphInstantiate", [&](State& state) {
    if (!state.graphs.contains(graph)) return cudaErrorInvalidValue;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    *executable = new CUgraphExec_st{.nodes = graph->nodes, .last_launch = nullptr};
    state.executables.insert(*executable);
    acquired("cudaGraphInstantiate", *executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call_always("cudaGraphExecDestroy", [&](State& state, bool) {
    if (!released("cudaGraphInstantiate", executable)) return cudaErrorInvalidValue;
    state.executables.erase(executable);
    delete executable;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call("cudaGraphLaunch", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found || !state.executables.contains(executable)) return cudaErrorInvalidResourceHandle;
    if (found->capture) return reject(cudaErrorStreamCaptureUnsupported, "a graph launched during capture");
    if (state.broken != cudaSuccess) return state.broken;
    // A graph's launches run one after the other, whatever streams they are in.
    const std::vector<WorkPointer> before = {found->last, executable->last_launch};
    std::vector<WorkPointer> works;
    for (const Node& node : executable->nodes) {
      std::vector<WorkPointer> after;
      for (const std::size_t other : node.after) after.push_back(works[other]);
      works.push_back(queue_node(state, node, node.after.empty() ? before : after));
    }
    works.insert(works.end(), before.begin(), before.end());
    const auto mark = std::make_shared<Work>();
    mark->lane = found->lane;
    state.queue.add(mark, works);
    found->last = executable->last_launch = mark;
    after_queueing(state);
    return cudaSuccess;
  });
}
