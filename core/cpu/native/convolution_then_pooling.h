#pragma once

#include <memory>
#include <span>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::native {

/// Whether the ops begin with a convolution, a ReLU and a maximum pooling that
/// make_convolution_then_pooling() takes.
bool is_convolution_then_pooling(std::span<const Op> ops);

/// A float kernel for conv2d + relu + max_pool2d around one for the convolution alone. The maximum comes
/// first: the ReLU and its gradient then touch the pooled values only, and the convolution's output lives in
/// the worker's workspace instead of the slice's memory.
std::unique_ptr<Kernel> make_convolution_then_pooling(std::unique_ptr<Kernel> convolution,
                                                      std::span<const Op> block, const simd::Table& loops);

}  // namespace convoy::native
