#include "core/cuda/stream.h"

#include "core/cuda/check.h"

namespace convoy::cuda {
namespace {

bool is_ready(cudaError_t code, const char* call) {
  if (code == cudaErrorNotReady) {
    cudaGetLastError();  // not an error, but kept as one
    return false;
  }
  check(code, call);
  return true;
}

}  // namespace

Stream::Stream() {
  cudaStream_t stream = nullptr;
  // Non-blocking: the default stream, which libraries may use behind our back, would order all others.
  CONVOY_CUDA_CALL(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  stream_ = decltype(stream_)(stream);
}

void Stream::wait(const Event& event) const { CONVOY_CUDA_CALL(cudaStreamWaitEvent(get(), event.get(), 0)); }

void Stream::synchronize() const { CONVOY_CUDA_CALL(cudaStreamSynchronize(get())); }

bool Stream::is_done() const { return is_ready(cudaStreamQuery(get()), "cudaStreamQuery"); }

void Stream::destroy(cudaStream_t stream) noexcept {
  check_quietly(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

Event::Event() {
  cudaEvent_t event = nullptr;
  CONVOY_CUDA_CALL(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  event_ = decltype(event_)(event);
}

void Event::record(const Stream& stream) const { CONVOY_CUDA_CALL(cudaEventRecord(get(), stream.get())); }

void Event::synchronize() const { CONVOY_CUDA_CALL(cudaEventSynchronize(get())); }

bool Event::is_done() const { return is_ready(cudaEventQuery(get()), "cudaEventQuery"); }

void Event::destroy(cudaEvent_t event) noexcept {
  check_quietly(cudaEventDestroy(event), "cudaEventDestroy");
}

}  // namespace convoy::cuda
