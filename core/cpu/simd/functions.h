#pragma once

#include "core/cpu/simd/table.h"

// Table's functions, as each instruction set defines them; Table documents them.

namespace convoy::simd::CONVOY_SIMD_ISA {

bool accumulate_exact(std::int64_t* sum, const float* gradient, std::size_t n, float limit);
void exact_to_float(float* to, const std::int64_t* sum, std::size_t n);
double squared_norm(const float* values, std::size_t n);
void round_to_bfloat16(const float* from, std::size_t n, float* to);
void activation_forward(Curve curve, float slope, std::size_t n, const float* x, float* y);
void activation_backward(Curve curve, float slope, std::size_t n, const float* x, const float* y,
                         const float* dy, float* dx);
void softmax_forward(std::int64_t rows, std::int64_t width, const float* x, float* y);
void softmax_backward(std::int64_t rows, std::int64_t width, const float* y, const float* dy, float* dx);
void dropout(const DropoutArgs& args, std::size_t n, const float* x, float* y);
void max_pool_forward(const PoolArgs& args, const float* x, float* y, std::uint8_t* position);
void max_pool_backward(const PoolArgs& args, const float* dy, const std::uint8_t* position, float* dx);
void average_pool_forward(const PoolArgs& args, const float* x, float* y);
void average_pool_backward(const PoolArgs& args, const float* dy, float* dx);
void depthwise_forward(const DepthwiseArgs& args, const float* x, const float* kernel, const float* bias,
                       float* y);
void depthwise_data_gradient(const DepthwiseArgs& args, const float* dy, const float* kernel, float* dx);
void depthwise_weight_gradient(const DepthwiseArgs& args, const float* x, const float* dy, float* dkernel);
void channel_moments(std::int64_t rows, std::int64_t channels, const float* x, double* mean,
                     double* deviations);
void channel_gradient(const ChannelGradientArgs& args);
void channel_scale(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                   const float* scale, const float* shift, bool relu, float* y);
void channel_combine(std::int64_t rows, std::int64_t channels, const float* x, const float* center,
                     const float* scale, const float* shift, const float* z, const float* factor, float* y);
void matrix_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* x,
                    const float* w, const float* bias, float* const* y);
void weight_gradient(const WeightGradientArgs& args, float* dw);
bool accumulate_weight_gradient(const WeightGradientArgs& args, float limit, std::int64_t* sum);
void data_gradient(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* const* dy,
                   const float* w, float* const* dx);
void column_sums(std::int64_t rows, std::int64_t columns, const float* y, float* sums);
Convolution convolution();
WinogradConvolution winograd_convolution();
PooledConvolution pooled_convolution();
bool adam(const AdamArgs& args);
bool sgd(const SgdArgs& args);

double multiply_adds(std::int64_t rounds, float factor, float* sink);

}  // namespace convoy::simd::CONVOY_SIMD_ISA
