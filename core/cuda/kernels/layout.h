#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

/// A convolution's filters: [height, width, in, out], `in` a group's input channels.
struct FilterShape {
  std::int64_t height = 1, width = 1, in = 1, out = 1;
  std::int64_t elements() const { return height * width * in * out; }
};

/// krsc [out, height, width, in] = hwio [height, width, in, out], in the storage.
void to_krsc(const Stream& stream, Storage storage, const FilterShape& shape, const float* hwio, void* krsc);
/// The reverse, for gradients, which are float32.
void to_hwio(const Stream& stream, const FilterShape& shape, const float* krsc, float* hwio);
/// to[i] = from[i], in the storage.
void store(const Stream& stream, Storage storage, std::int64_t n, const float* from, void* to);
/// to[i] = from[i], from the storage.
void widen(const Stream& stream, Storage storage, std::int64_t n, const void* from, float* to);

}  // namespace convoy::cuda
