#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/cuda/bfloat16.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::fake_cuda {

/// Numbers on the device that a library reads and writes as float32, whatever they are stored as.
class Elements {
 public:
  Elements(const void* data, bool bfloat16)
      : data_(static_cast<const std::byte*>(data)), bfloat16_(bfloat16) {}

  std::size_t width() const { return bfloat16_ ? sizeof(cuda::BFloat16) : sizeof(float); }
  float operator[](std::int64_t i) const {
    if (bfloat16_) return reinterpret_cast<const cuda::BFloat16*>(data_)[i];
    return reinterpret_cast<const float*>(data_)[i];
  }
  void set(std::int64_t i, float value) const {
    std::byte* place = const_cast<std::byte*>(data_) + static_cast<std::size_t>(i) * width();
    const cuda::BFloat16 rounded(value);
    if (bfloat16_)
      std::memcpy(place, &rounded, sizeof rounded);
    else
      std::memcpy(place, &value, sizeof value);
  }

 private:
  const std::byte* data_;
  bool bfloat16_;
};

/// Whether a library takes such a pointer: of the stream's device, and aligned.
inline bool is_usable(cudaStream_t stream, const void* data, std::size_t bytes) {
  return data && std::bit_cast<std::uintptr_t>(data) % 16 == 0 && is_on_device(stream, data, bytes);
}

}  // namespace convoy::fake_cuda
