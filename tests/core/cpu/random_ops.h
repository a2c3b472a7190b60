#pragma once

#include <cstdint>
#include <vector>

#include "core/ops.h"

namespace convoy::test {

/// The op for a conv2d, with output and parameters that follow from the input and the window.
Op conv2d_op(const Shape& input, std::int64_t filters, const Conv2dOp& conv);
Op pool2d_op(const Shape& input, const Pool2dOp& pool);
Op dense_op(const Shape& input, std::int64_t units, bool use_bias = true);
Op activation_op(const Shape& input, const Activation& activation);
Op relu_op(const Shape& input);
/// TensorFlow's `same` padding for this input.
Window2d same_window(const Shape& input, Window2d window);

/// One random op of each alternative of OpKind and each sort of activation and pooling: small odd shapes,
/// strides, paddings, dilations and groups. The same draw gives the same ops.
std::vector<Op> draw_ops(std::uint32_t draw);
/// Random convolutions, and random poolings of a given input, alone.
Op draw_conv2d(std::uint32_t draw);
Op draw_pool2d(std::uint32_t draw, const Shape& input, Pool2dOp::Kind kind);

/// Where the op stands in a failing test's message: "conv2d [5, 7, 3] -> [5, 7, 4], window 3x2 …"
std::string describe(const Op& op);

}  // namespace convoy::test
