#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/tensor.h"

namespace convoy {

// The operations that layers are lowered to: plain descriptions, free of any device. A provider
// (core/backend.h) computes one op, or a block of consecutive ones. All shapes are those of one sample.

enum class ActivationKind { linear, relu, leaky_relu, gelu, tanh, sigmoid, softmax };

struct Activation {
  ActivationKind kind = ActivationKind::linear;
  double negative_slope = 0.2;  ///< leaky_relu only
  bool approximate = false;     ///< gelu only: the tanh formula instead of erf
};

/// The geometry of a sliding window, padding resolved to pixels.
struct Window2d {
  std::int64_t height = 1, width = 1;
  std::int64_t stride_y = 1, stride_x = 1;
  std::int64_t dilation_y = 1, dilation_x = 1;
  std::int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
};

/// y[i, j, o] = bias[o] + sum over (u, v, c) of x[i*stride + u*dilation - pad, …, c] * kernel[u, v, c, o].
/// Input and output [H, W, C]; kernel [height, width, C / groups, filters]; bias [filters] if any. Group g
/// sees the g-th part of the input channels and makes the g-th part of the filters; a depthwise convolution
/// has groups = C.
struct Conv2dOp {
  Window2d window;
  std::int64_t groups = 1;
  bool use_bias = true;
};

/// Maximum (the first of equal values takes the gradient) or average (padding not counted), as Keras.
struct Pool2dOp {
  enum class Kind { max, average };
  Kind kind = Kind::max;
  Window2d window;
};

/// [H, W, C] -> [C]
struct GlobalAveragePool2dOp {};

/// y = x * kernel + bias; kernel [in, units], bias [units] if any. The input is taken as flat.
struct DenseOp {
  bool use_bias = true;
};

/// Element-wise, but for softmax, which runs over the last axis.
struct ActivationOp {
  Activation activation;
};

/// Training: zero with probability `rate`, else scaled by 1 / (1 - rate). The draw for element e of the
/// sample at position p of the global batch is RandomStream(seed, dropout, layer)(step, p, e / 4)[e % 4],
/// zero where uniform_float(word) < rate. Evaluation: the identity.
struct DropoutOp {
  double rate = 0;
};

// Batch normalization is two ops, because the whole batch meets between them, forward and backward. With
// xhat = (x - mean) / sqrt(variance + epsilon) and C channels (the last axis):
//
// BatchMomentsOp forward:  output = input; record of 1 + 2 * C doubles: count of values a channel, their
//                          means, their sums of squared deviations (of this slice).
//   the meeting:           combines all slices' records in slice order (Chan et al. 1979) to mean[C],
//                          variance[C].
// NormalizeOp forward:     y = xhat * gamma + beta; batch_values = mean[C], variance[C] (in evaluation the
//                          moving ones).
// NormalizeOp backward:    batch_values = mean[C], variance[C]; writes gamma's and beta's gradients,
//                          grad_input = dy * gamma, and a record of 2 * C doubles: sums of dy * gamma and of
//                          dy * gamma * xhat.
//   the meeting:           adds all slices' records in slice order and divides by the count: a[C], b[C].
// BatchMomentsOp backward: batch_values = mean[C], variance[C], a[C], b[C];
//                          dx = (grad_output - a - xhat * b) / sqrt(variance + epsilon).
//
// Always a BatchMomentsOp followed by a NormalizeOp of the same layer.

/// statistics batch: the meeting is that of the whole global batch; slice: that of the slice alone. Moving
/// statistics follow with `momentum` either way.
struct BatchMomentsOp {
  enum class Statistics { batch, slice };
  Statistics statistics = Statistics::batch;
  double momentum = 0.99;
  double epsilon = 1e-3;
};

/// gamma [C] if `scale`, then beta [C] if `center`.
struct NormalizeOp {
  double epsilon = 1e-3;
  bool scale = true;
  bool center = true;
};

/// Zeros around [H, W, C].
struct ZeroPadding2dOp {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};

using OpKind = std::variant<Conv2dOp, Pool2dOp, GlobalAveragePool2dOp, DenseOp, ActivationOp, DropoutOp,
                            BatchMomentsOp, NormalizeOp, ZeroPadding2dOp>;

/// "conv2d", "max_pool2d", "activation", …
std::string_view name_of(const OpKind& kind);

/// A tensor's place in the parameter arena (or that of the statistics), counted in elements.
struct ParameterRange {
  std::int64_t offset = 0;
  Shape shape;
};

struct Op {
  OpKind kind;
  Shape input;
  Shape output;
  int layer = 0;                           ///< index of the layer in the model; also the dropout's random key
  std::string layer_name;                  ///< "conv2d_1"
  std::vector<ParameterRange> parameters;  ///< in the order given above
  std::vector<ParameterRange> statistics;  ///< BatchMomentsOp: moving mean [C] and moving variance [C]
  double flops() const;  ///< multiplications and additions of the forward pass for one sample
};

bool is_relu(const Op& op);

}  // namespace convoy
