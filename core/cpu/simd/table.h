#pragma once

#include <cstddef>
#include <cstdint>

// Loops that profit from wide vectors. Each file of this folder is compiled once for each instruction set,
// with CONVOY_SIMD_ISA naming it, into namespace convoy::simd::<isa>; `table()` there fills the struct below,
// and core/cpu/isa.cpp picks one at run time. To keep code of a wider instruction set out of the other
// builds, these files include no header with inline functions outside that namespace (no <algorithm>,
// <vector>, <span>).

namespace convoy::simd {

/// Element-wise activations; gelu_tanh is the approximate formula.
enum class Curve { linear, relu, leaky_relu, gelu, gelu_tanh, tanh, sigmoid };

/// A window that slides over [height, width, channels] images; padding counts as absent.
struct PoolArgs {
  std::int64_t samples, height, width, channels;
  std::int64_t out_height, out_width;
  std::int64_t window_height, window_width;
  std::int64_t stride_y, stride_x, pad_top, pad_left;
};

/// A convolution of each channel by itself.
struct DepthwiseArgs {
  std::int64_t samples, height, width, channels;
  std::int64_t out_height, out_width;
  std::int64_t window_height, window_width;
  std::int64_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
};

/// dw[k, n] = sum over m of x[m * x_row + k] * dy[m, n], m ascending, for k below `inner`: rows of a dense
/// layer's weight gradient.
struct WeightGradientArgs {
  std::int64_t rows, x_row, inner, columns;
  const float *x, *dy;
};

/// With g = dy, or 0 where `relu` is given and not positive: sum[c] = sum of g; product[c] = sum of g * (x -
/// center[c]); dx = g * scale[c], unless it is null. Tensors are [rows, channels].
struct ChannelGradientArgs {
  std::int64_t rows, channels;
  const float *x, *center, *scale;
  const float* relu;  ///< what the ReLU behind gave; null: there is none
  const float* dy;
  double *sum, *product;
  float* dx;
};

/// Where a sample's dropout draws come from; see DropoutOp.
struct DropoutArgs {
  std::uint32_t key[2];    ///< RandomStream::key()
  std::uint32_t position;  ///< of the sample in the global batch
  std::uint64_t step;
  float rate;
  float scale;  ///< of what is kept
};

/// See core/optim/optimizer.h. Each output may be its input.
struct AdamArgs {
  std::size_t n;
  float gradient_scale, alpha, one_minus_beta_1, one_minus_beta_2, epsilon, decay;
  const float *gradient, *weights, *momentum, *velocity;
  float *new_weights, *new_momentum, *new_velocity;
};
struct SgdArgs {
  std::size_t n;
  float gradient_scale, learning_rate, momentum;
  bool nesterov;
  const float *gradient, *weights;
  const float* velocity = nullptr;  ///< null: no momentum
  float* new_weights;
  float* new_velocity = nullptr;
};

/// A convolution of all channels; padding counts as zero.
struct ConvolutionArgs {
  std::int64_t height, width, channels;
  std::int64_t out_height, out_width, filters;
  std::int64_t window_height, window_width;
  std::int64_t stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
};
/// Two pixels that a tap of the window brings together: offsets in elements into a slice's x and dy.
struct PixelPair {
  std::int32_t x, dy;
};
/// dkernel[c, f] = sum over the pairs of x[pair.x + c] * dy[pair.dy + f], for c below `rows`: some rows of
/// one tap's weight gradient. Pairs are added in order, some hundreds at a time.
struct ConvolutionWeightArgs {
  const PixelPair* pairs;
  std::int64_t count, rows, filters;
  const float *x, *dy;
};
/// Samples stand anywhere: x[i], y[i], dy[i] and dx[i] are those of sample i, whose bits depend on nothing
/// else. kernel [window_height, window_width, channels, filters].
struct Convolution {
  /// y = bias (or 0) + x * kernel, and the ReLU of that if `relu`.
  void (*forward)(const ConvolutionArgs& args, std::int64_t samples, const float* const* x,
                  const float* kernel, const float* bias, bool relu, float* const* y);
  void (*data_gradient)(const ConvolutionArgs& args, std::int64_t samples, const float* const* dy,
                        const float* kernel, float* const* dx);
  void (*weight_gradient)(const ConvolutionWeightArgs& args, float* dkernel);
  /// The same, added as accumulate_exact() adds.
  bool (*accumulate_weight_gradient)(const ConvolutionWeightArgs& args, float limit, std::int64_t* sum);
};

/// A part of a slice's weight gradient: some channels and filters, all taps. The gradient of tap t, the
/// part's channel c and filter f goes to t * tap_step + c * channel_step + f.
struct WinogradWeightArgs {
  std::int64_t samples;
  const float *x, *dy;  ///< from the part's first channel and first filter on
  std::int64_t channels, filters;
  std::int64_t tap_step, channel_step;
};
/// 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3). Sizes in floats.
struct WinogradConvolution {
  bool (*can)(const ConvolutionArgs& args);
  std::int64_t (*weights)(const ConvolutionArgs& args);
  std::int64_t (*workspace)(const ConvolutionArgs& args);
  /// What forward() takes for this kernel.
  void (*pack)(const ConvolutionArgs& args, const float* kernel, float* weights);
  /// What takes dy to dx, for the kernel of the convolution that `args` are the mirror of.
  void (*pack_mirrored)(const ConvolutionArgs& args, const float* kernel, float* weights);
  /// As Convolution's.
  void (*forward)(const ConvolutionArgs& args, std::int64_t samples, const float* const* x,
                  const float* weights, const float* bias, bool relu, float* workspace, float* const* y);

  std::int64_t part;  ///< channels and filters that weight gradients take at most at a time
  std::int64_t (*weight_workspace)();
  void (*weight_gradient)(const ConvolutionArgs& args, const WinogradWeightArgs& part, float* workspace,
                          float* dkernel);
  /// The same, added as accumulate_exact() adds.
  bool (*accumulate_weight_gradient)(const ConvolutionArgs& args, const WinogradWeightArgs& part, float limit,
                                     float* workspace, std::int64_t* sum);
};

/// A 3x3 convolution of stride 1, a ReLU, and the maximum of 2x2 windows. What no window reaches of the input
/// has no part in it.
struct PooledConvolutionArgs {
  std::int64_t height, width, pad_top, pad_left;
  std::int64_t pooled_height, pooled_width, channels, filters;
};
/// Counted in floats; the workspaces are those of a slice.
struct PooledConvolutionSizes {
  std::int64_t forward_weights, backward_weights;
  std::int64_t forward_workspace, backward_workspace;
};
/// Those of a slice; samples outermost.
struct PooledConvolutionGradients {
  std::int64_t samples;
  const float* x;                ///< [height, width, channels]
  const std::uint8_t* position;  ///< as forward wrote it
  const float* dy;               ///< [pooled_height, pooled_width, filters]
  float* dkernel;                ///< [3, 3, channels, filters]
  float* dbias;                  ///< [filters], or null
  float* dx;                     ///< like x; null: not wanted
};
struct PooledConvolution {
  bool (*can)(const PooledConvolutionArgs& args);
  PooledConvolutionSizes (*sizes)(const PooledConvolutionArgs& args, std::int64_t samples) = nullptr;
  /// kernel [3, 3, channels, filters]; `backward` may be null.
  void (*pack)(const PooledConvolutionArgs& args, const float* kernel, float* forward,
               float* backward) = nullptr;
  /// x [height, width, channels]; bias [filters], or null; y [pooled_height, pooled_width, filters];
  /// position, like y: which pixel of the window it was, or that the ReLU cut it (null: not wanted).
  void (*forward)(const PooledConvolutionArgs& args, std::int64_t samples, const float* x,
                  const float* weights, const float* bias, float* workspace, float* y,
                  std::uint8_t* position) = nullptr;
  void (*backward)(const PooledConvolutionArgs& args, const PooledConvolutionGradients& gradients,
                   const float* weights, float* workspace) = nullptr;
};

struct Table {
  const char* isa;

  /// sum[i] += llrint(gradient[i] * 2^44). False, without a meaning for `sum`, if some |gradient[i]| >= limit
  /// or NaN.
  bool (*accumulate_exact)(std::int64_t* sum, const float* gradient, std::size_t n, float limit);
  /// to[i] = sum[i] * 2^-44, rounded to double and then to float.
  void (*exact_to_float)(float* to, const std::int64_t* sum, std::size_t n);
  /// The sum of squares in double: in eight running sums, each of every eighth element, which are added at
  /// the end.
  double (*squared_norm)(const float* values, std::size_t n);

  /// to[i] = the bfloat16 nearest to from[i], of two equally near the even one; a NaN stays one. `to` may be
  /// `from`.
  void (*round_to_bfloat16)(const float* from, std::size_t n, float* to);

  /// y = curve(x); y may be x. A NaN stays one. `slope` is that of leaky_relu left of zero.
  void (*activation_forward)(Curve curve, float slope, std::size_t n, const float* x, float* y);
  /// dx = dy * curve'(x), where y = curve(x); dx may be dy. relu, tanh and sigmoid do not read x, the others
  /// not y.
  void (*activation_backward)(Curve curve, float slope, std::size_t n, const float* x, const float* y,
                              const float* dy, float* dx);

  /// Each row: y = e^(x - max) / sum of these.
  void (*softmax_forward)(std::int64_t rows, std::int64_t width, const float* x, float* y);
  /// Each row: dx = y * (dy - sum of y * dy).
  void (*softmax_backward)(std::int64_t rows, std::int64_t width, const float* y, const float* dy, float* dx);

  /// One sample's n elements: zero where its draw is below `rate`, else x * scale.
  void (*dropout)(const DropoutArgs& args, std::size_t n, const float* x, float* y);

  /// y: the largest value of each window; position: which pixel of the window it was, row by row (null: not
  /// wanted).
  void (*max_pool_forward)(const PoolArgs& args, const float* x, float* y, std::uint8_t* position);
  /// dx: each dy at its position, zero elsewhere; overlapping windows add.
  void (*max_pool_backward)(const PoolArgs& args, const float* dy, const std::uint8_t* position, float* dx);

  /// Each window's mean; padding is not counted.
  void (*average_pool_forward)(const PoolArgs& args, const float* x, float* y);
  /// dx: the sum of its windows' dy, each divided by its window's pixels.
  void (*average_pool_backward)(const PoolArgs& args, const float* dy, float* dx);

  // kernel [window_height, window_width, channels]; bias may be null.
  void (*depthwise_forward)(const DepthwiseArgs& args, const float* x, const float* kernel, const float* bias,
                            float* y);
  void (*depthwise_data_gradient)(const DepthwiseArgs& args, const float* dy, const float* kernel, float* dx);
  void (*depthwise_weight_gradient)(const DepthwiseArgs& args, const float* x, const float* dy,
                                    float* dkernel);

  // Sums over the rows of [rows, channels] tensors, in double and in an order that all instruction sets
  // share.
  /// mean[c], and deviations[c] = sum of (x - mean)^2 (null: not wanted).
  void (*channel_moments)(std::int64_t rows, std::int64_t channels, const float* x, double* mean,
                          double* deviations);
  void (*channel_gradient)(const ChannelGradientArgs& args);
  /// y = (x - center[c]) * scale[c] + shift[c], and the ReLU of that if `relu`.
  void (*channel_scale)(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                        const float* scale, const float* shift, bool relu, float* y);
  /// y = z * factor[c] + (x - center[c]) * scale[c] + shift[c]; y may be z.
  void (*channel_combine)(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                          const float* scale, const float* shift, const float* z, const float* factor,
                          float* y);

  /// y[m][n] = bias[n] (or 0) + sum over k of x[m][k] * w[k, n], k ascending, a hundred or so at a time: a
  /// row's bits depend on its own values alone. Rows stand anywhere.
  void (*matrix_product)(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* x,
                         const float* w, const float* bias, float* const* y);
  void (*weight_gradient)(const WeightGradientArgs& args, float* dw);
  /// The same, added as accumulate_exact() adds.
  bool (*accumulate_weight_gradient)(const WeightGradientArgs& args, float limit, std::int64_t* sum);
  /// dx[m][k] = sum over n of dy[m][n] * w[k, n], in an order of the instruction set's own, the same for all
  /// m and k and any number of rows.
  void (*data_gradient)(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* dy,
                        const float* w, float* const* dx);
  /// sums[n] = sum over m of y[m, n], m ascending within each hundred or so, then hundred by hundred.
  void (*column_sums)(std::int64_t rows, std::int64_t columns, const float* y, float* sums);

  Convolution convolution;
  WinogradConvolution winograd_convolution;
  PooledConvolution pooled_convolution;

  // False if a new weight is infinite or NaN.
  bool (*adam)(const AdamArgs& args);
  bool (*sgd)(const SgdArgs& args);

  /// To measure a core with: `rounds` of multiply-adds in registers alone, with 0 < factor < 1; the FLOPs
  /// that these were. Writes a vector (at most 16 floats) to `sink`.
  double (*multiply_adds)(std::int64_t rounds, float factor, float* sink);
};

namespace portable {
const Table& table();
}
namespace avx2 {
const Table& table();
}
namespace avx512 {
const Table& table();
}

}  // namespace convoy::simd
