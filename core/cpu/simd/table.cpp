#include "core/cpu/simd/table.h"

#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#define CONVOY_TEXT(name) #name
#define CONVOY_NAME(name) CONVOY_TEXT(name)

const Table& table() {
  static const Table kTable{
      .isa = CONVOY_NAME(CONVOY_SIMD_ISA),
      .accumulate_exact = accumulate_exact,
      .exact_to_float = exact_to_float,
      .squared_norm = squared_norm,
      .round_to_bfloat16 = round_to_bfloat16,
      .activation_forward = activation_forward,
      .activation_backward = activation_backward,
      .softmax_forward = softmax_forward,
      .softmax_backward = softmax_backward,
      .dropout = dropout,
      .max_pool_forward = max_pool_forward,
      .max_pool_backward = max_pool_backward,
      .average_pool_forward = average_pool_forward,
      .average_pool_backward = average_pool_backward,
      .depthwise_forward = depthwise_forward,
      .depthwise_data_gradient = depthwise_data_gradient,
      .depthwise_weight_gradient = depthwise_weight_gradient,
      .channel_moments = channel_moments,
      .channel_gradient = channel_gradient,
      .channel_scale = channel_scale,
      .channel_combine = channel_combine,
      .matrix_product = matrix_product,
      .weight_gradient = weight_gradient,
      .accumulate_weight_gradient = accumulate_weight_gradient,
      .data_gradient = data_gradient,
      .column_sums = column_sums,
      .convolution = convolution(),
      .winograd_convolution = winograd_convolution(),
      .pooled_convolution = pooled_convolution(),
      .adam = adam,
      .sgd = sgd,
      .multiply_adds = multiply_adds,
  };
  return kTable;
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
