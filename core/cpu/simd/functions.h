#pragma once

#include "core/cpu/simd/table.h"

// Table's functions, as each instruction set defines them; Table documents them.

namespace convoy::simd::CONVOY_SIMD_ISA {

bool accumulate_exact(std::int64_t* sum, const float* gradient, std::size_t n, float limit);
void relu_forward(float* y, const float* x, std::size_t n);
void relu_backward(float* dx, const float* y, const float* dy, std::size_t n);
void max_pool_forward(const PoolArgs& args, const float* x, float* y, std::uint8_t* position);
void max_pool_backward(const PoolArgs& args, const float* dy, const std::uint8_t* position, float* dx);
void matrix_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* w,
                    const float* bias, float* y);
void transposed_product(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* x, const float* y,
                        float* w);
void column_sums(std::int64_t rows, std::int64_t columns, const float* y, float* sums);
void transpose(std::int64_t rows, std::int64_t columns, const float* from, float* to);
void adam(const AdamArgs& args);
void sgd(const SgdArgs& args);

}  // namespace convoy::simd::CONVOY_SIMD_ISA
