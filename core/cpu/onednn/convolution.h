#pragma once

#include <memory>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy::onednn {

/// A Conv2dOp, followed by a ReLU if `relu`, on oneDNN. Activations stay [N, H, W, C]; oneDNN chooses the
/// layout of its private copies of the kernel, which prepare() refreshes.
std::unique_ptr<Kernel> make_convolution(const Op& op, bool relu, const simd::Table& loops);

}  // namespace convoy::onednn
