#include "core/cpu/simd/table.h"

#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#define CONVOY_TEXT(name) #name
#define CONVOY_NAME(name) CONVOY_TEXT(name)

const Table& table() {
  static constexpr Table kTable{
      .isa = CONVOY_NAME(CONVOY_SIMD_ISA),
      .accumulate_exact = accumulate_exact,
      .relu_forward = relu_forward,
      .relu_backward = relu_backward,
      .max_pool_forward = max_pool_forward,
      .max_pool_backward = max_pool_backward,
      .matrix_product = matrix_product,
      .transposed_product = transposed_product,
      .column_sums = column_sums,
      .transpose = transpose,
      .adam = adam,
      .sgd = sgd,
  };
  return kTable;
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
