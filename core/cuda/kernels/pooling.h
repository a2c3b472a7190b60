#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"
#include "core/ops.h"

namespace convoy::cuda {

/// Pooling of [samples, H, W, C] as Pool2dOp; `op` is of that kind. A thread an element: of the output
/// forward, of the input backward, which adds up the windows that it lies in, in their order.
void pool2d(const Stream& stream, Storage storage, const Op& op, std::int64_t samples, const void* x,
            void* y);
void pool2d_gradient(const Stream& stream, Storage storage, const Op& op, std::int64_t samples, const void* x,
                     const void* dy, void* dx);

/// [samples, pixels, channels] -> [samples, channels]
void global_average(const Stream& stream, Storage storage, std::int64_t samples, std::int64_t pixels,
                    std::int64_t channels, const void* x, void* y);
void global_average_gradient(const Stream& stream, Storage storage, std::int64_t samples, std::int64_t pixels,
                             std::int64_t channels, const void* dy, void* dx);

/// An image's rows and columns, and where it lies in a larger one.
struct Frame {
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t top = 0, left = 0;
  std::int64_t outer_height = 0, outer_width = 0;
};
/// y [samples, outer_height, outer_width, C] = x [samples, height, width, C] with zeros around.
void surround_with_zeros(const Stream& stream, Storage storage, const Frame& frame, std::int64_t samples,
                         const void* x, void* y);
/// The reverse: x is cut out of y.
void cut_out(const Stream& stream, Storage storage, const Frame& frame, std::int64_t samples, const void* y,
             void* x);

}  // namespace convoy::cuda
