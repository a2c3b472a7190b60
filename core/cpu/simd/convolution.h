#pragma once

#include "core/cpu/simd/table.h"
#include "core/cpu/simd/vector.h"

// The members of Convolution.

namespace convoy::simd::CONVOY_SIMD_ISA::direct {

void forward(const ConvolutionArgs& args, std::int64_t samples, const float* const* x, const float* kernel,
             const float* bias, bool relu, float* const* y);
void data_gradient(const ConvolutionArgs& args, std::int64_t samples, const float* const* dy,
                   const float* kernel, float* const* dx);
void weight_gradient(const ConvolutionWeightArgs& args, float* dkernel);
bool accumulate_weight_gradient(const ConvolutionWeightArgs& args, float limit, std::int64_t* sum);

}  // namespace convoy::simd::CONVOY_SIMD_ISA::direct
