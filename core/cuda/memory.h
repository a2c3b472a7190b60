#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/cuda/handle.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

/// Memory of the device that was current when it was made, aligned to 256 bytes. Its values are undefined at
/// first. Throws DeviceError that names the size, and what the device has free, where it does not suffice.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);

  std::size_t size() const { return size_; }
  std::byte* data() const { return static_cast<std::byte*>(memory_.get()); }
  /// Only for the device's use.
  template <class T>
  T* as() const {
    return static_cast<T*>(memory_.get());
  }

 private:
  static void destroy(void* memory) noexcept;
  Handle<void*, destroy> memory_;
  std::size_t size_ = 0;
};

/// Memory of the host that the device copies from and to by itself, zeroed.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  explicit PinnedMemory(std::size_t bytes);

  std::size_t size() const { return size_; }
  std::byte* data() const { return static_cast<std::byte*>(memory_.get()); }
  template <class T>
  std::span<T> as() const {
    return {static_cast<T*>(memory_.get()), size_ / sizeof(T)};
  }

 private:
  static void destroy(void* memory) noexcept;
  Handle<void*, destroy> memory_;
  std::size_t size_ = 0;
};

/// What the current device has free.
std::size_t free_memory_bytes();

/// Queues a copy. On the host it must begin and end in pinned memory, which is used until the stream has come
/// so far.
void copy_to_device(const Stream& stream, void* device, const void* pinned, std::size_t bytes);
void copy_to_host(const Stream& stream, void* pinned, const void* device, std::size_t bytes);
void copy_on_device(const Stream& stream, void* to, const void* from, std::size_t bytes);
/// Queues filling with zero bytes.
void clear(const Stream& stream, void* device, std::size_t bytes);

/// Copies at once, from and to any memory of the host; for the start and the end of a run.
void upload(void* device, std::span<const std::byte> from);
void download(std::span<std::byte> to, const void* device);

}  // namespace convoy::cuda
