#pragma once

#include <cstddef>
#include <cstdint>

// Loops that profit from wide vectors. Each file of this folder is compiled once for each instruction set, with
// CONVOY_SIMD_ISA naming it, into namespace convoy::simd::<isa>; `table()` there fills the struct below, and
// core/cpu/isa.cpp picks one at run time. To keep code of a wider instruction set out of the other builds, these files
// include no header with inline functions outside that namespace (no <algorithm>, <vector>, <span>).

namespace convoy::simd {

/// A window that slides over [height, width, channels] images; padding counts as absent.
struct PoolArgs {
  std::int64_t samples, height, width, channels;
  std::int64_t out_height, out_width;
  std::int64_t window_height, window_width;
  std::int64_t stride_y, stride_x, pad_top, pad_left;
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

struct Table {
  const char* isa;

  /// sum[i] += llrint(gradient[i] * 2^44). False, without a meaning for `sum`, if some |gradient[i]| >= limit or NaN.
  bool (*accumulate_exact)(std::int64_t* sum, const float* gradient, std::size_t n, float limit);

  /// y = max(x, 0); NaN stays.
  void (*relu_forward)(float* y, const float* x, std::size_t n);
  /// dx = y > 0 ? dy : 0; dx may be dy.
  void (*relu_backward)(float* dx, const float* y, const float* dy, std::size_t n);

  /// y: the largest value of each window; position: which pixel of the window it was, row by row (null: not wanted).
  void (*max_pool_forward)(const PoolArgs& args, const float* x, float* y, std::uint8_t* position);
  /// dx: each dy at its position, zero elsewhere; overlapping windows add.
  void (*max_pool_backward)(const PoolArgs& args, const float* dy, const std::uint8_t* position, float* dx);

  /// y[m, n] = bias[n] (or 0) + sum over k of x[m, k] * w[k, n], k ascending: a row's bits depend on its own values alone.
  void (*matrix_product)(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* w,
                         const float* bias, float* y);
  /// w[k, n] = sum over m of x[m, k] * y[m, n], m ascending.
  void (*transposed_product)(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* y,
                             float* w);
  /// sums[n] = sum over m of y[m, n], m ascending.
  void (*column_sums)(std::int64_t rows, std::int64_t columns, const float* y, float* sums);
  /// to[n, k] = from[k, n]
  void (*transpose)(std::int64_t rows, std::int64_t columns, const float* from, float* to);

  void (*adam)(const AdamArgs& args);
  void (*sgd)(const SgdArgs& args);
};

namespace portable { const Table& table(); }
namespace avx2 { const Table& table(); }
namespace avx512 { const Table& table(); }

}  // namespace convoy::simd
