// The CUDA runtime's streams and events.
#include <algorithm>
#include <utility>

#include "tests/support/fake_cuda/machine.h"

using namespace convoy::fake_cuda;

namespace {

/// Runs one piece towards the target, so that who polls gets there.
cudaError_t query(State& state, const WorkPointer& target) {
  if (!target || target->done) return state.broken;
  state.queue.want(target);
  state.queue.step();
  return cudaErrorNotReady;
}

void add_all(std::vector<std::size_t>& to, const std::vector<std::size_t>& from) {
  for (const std::size_t node : from)
    if (std::find(to.begin(), to.end(), node) == to.end()) to.push_back(node);
}

cudaError_t wait_in_capture(cudaStream_t stream, cudaEvent_t event) {
  if (!event->capture) {
    if (!event->work) return cudaSuccess;
    stream->capture->valid = false;
    return reject(cudaErrorStreamCaptureIsolation, "captured work waits for an event that is not captured");
  }
  if (event->capture->ended) return reject(cudaErrorCapturedEvent, "a wait for an event of a graph");
  if (!stream->capture) {
    stream->capture = event->capture;
    stream->capture->streams.push_back(stream);
    stream->frontier.clear();
  } else if (stream->capture != event->capture) {
    return reject(cudaErrorStreamCaptureMerge, "a wait that joins two graphs");
  }
  add_all(stream->frontier, event->frontier);
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return call("cudaStreamCreateWithFlags", [&](State& state) {
    if (flags != cudaStreamNonBlocking)
      return reject(cudaErrorNotSupported, "a stream that waits for the default stream");
    *stream = new CUstream_st{
        .device = current_device(), .lane = state.lanes++, .last = {}, .capture = {}, .frontier = {}};
    state.streams.insert(*stream);
    acquired("cudaStreamCreate", *stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call_always("cudaStreamDestroy", [&](State& state, bool) {
    if (!released("cudaStreamCreate", stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture) {
      stream->capture->valid = false;
      std::erase(stream->capture->streams, stream);
    }
    state.streams.erase(stream);  // what is queued in it runs all the same
    delete stream;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call("cudaStreamWaitEvent", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found || !state.events.contains(event)) return cudaErrorInvalidResourceHandle;
    if (found->capture || event->capture) return wait_in_capture(found, event);
    if (!event->work || event->work->done) return cudaSuccess;
    const auto mark = std::make_shared<Work>();
    mark->lane = found->lane;
    state.queue.add(mark, {found->last, event->work});
    found->last = mark;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call("cudaStreamSynchronize", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    return finish(state, WorkPointer(found->last));
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call("cudaStreamQuery", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found) return cudaErrorInvalidResourceHandle;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    return query(state, WorkPointer(found->last));
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [&](State& state) {
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    std::vector<WorkPointer> last = {state.default_streams[static_cast<std::size_t>(current_device())]->last};
    for (const auto stream : state.streams)
      if (stream->device == current_device()) last.push_back(stream->last);
    for (const auto& work : last) finish(state, work);
    return state.broken;
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return call("cudaEventCreateWithFlags", [&](State& state) {
    *event = new CUevent_st{.device = current_device(), .work = {}, .capture = {}, .frontier = {}};
    state.events.insert(*event);
    acquired("cudaEventCreate", *event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call_always("cudaEventDestroy", [&](State& state, bool) {
    if (!released("cudaEventCreate", event)) return cudaErrorInvalidResourceHandle;
    state.events.erase(event);
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call("cudaEventRecord", [&](State& state) {
    const cudaStream_t found = find_stream(state, stream);
    if (!found || !state.events.contains(event)) return cudaErrorInvalidResourceHandle;
    if (found->device != event->device)
      return reject(cudaErrorInvalidResourceHandle, "an event recorded in a stream of another device");
    event->capture = found->capture;
    event->frontier = found->frontier;
    event->work = found->capture ? nullptr : found->last;
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call("cudaEventSynchronize", [&](State& state) {
    if (!state.events.contains(event)) return cudaErrorInvalidResourceHandle;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    if (event->capture) return cudaErrorCapturedEvent;
    return finish(state, WorkPointer(event->work));
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call("cudaEventQuery", [&](State& state) {
    if (!state.events.contains(event)) return cudaErrorInvalidResourceHandle;
    if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
    if (event->capture) return cudaErrorCapturedEvent;
    return query(state, WorkPointer(event->work));
  });
}
