#pragma once

#include <cuda_runtime_api.h>

#include "core/cuda/handle.h"

namespace convoy::cuda {

class Event;

/// Work that the device does one after the other. Belongs to the device that was current when it was made.
class Stream {
 public:
  Stream();

  cudaStream_t get() const { return stream_.get(); }
  /// What is queued from now on begins after what was queued before the event was recorded.
  void wait(const Event& event) const;
  /// Waits, on the host, until all that is queued is done; an error of any of it is thrown here.
  void synchronize() const;
  /// Whether all that is queued is done. Throws like synchronize().
  bool is_done() const;

 private:
  static void destroy(cudaStream_t stream) noexcept;
  Handle<cudaStream_t, destroy> stream_;
};

/// A place in a stream.
class Event {
 public:
  Event();

  cudaEvent_t get() const { return event_.get(); }
  /// Marks what is queued in the stream now.
  void record(const Stream& stream) const;
  /// Waits, on the host, until the work that was marked last is done.
  void synchronize() const;
  bool is_done() const;

 private:
  static void destroy(cudaEvent_t event) noexcept;
  Handle<cudaEvent_t, destroy> event_;
};

}  // namespace convoy::cuda
