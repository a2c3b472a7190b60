#pragma once

#include "core/cpu/simd/table.h"

// WinogradConvolution's members for weight gradients.

namespace convoy::simd::CONVOY_SIMD_ISA::winograd {

inline constexpr std::int64_t kPart = 64;

std::int64_t weight_workspace();
void weight_gradient(const ConvolutionArgs& args, const WinogradWeightArgs& part, float* workspace,
                     float* dkernel);
bool accumulate_weight_gradient(const ConvolutionArgs& args, const WinogradWeightArgs& part, float limit,
                                float* workspace, std::int64_t* sum);

}  // namespace convoy::simd::CONVOY_SIMD_ISA::winograd
