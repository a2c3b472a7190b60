#pragma once

#include <cblas.h>
#include <cstdint>

#include "core/error.h"

namespace convoy::openblas {

/// A row-major matrix that is part of a larger one. `transposed`: taken as its transpose, of which rows and
/// columns are not given here.
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t stride = 0;  ///< elements from one stored row to the next
  bool transposed = false;
};

inline blasint to_blasint(std::int64_t value) {
  require(value <= INT32_MAX, "a matrix of fewer than 2^31 rows and columns");
  return static_cast<blasint>(value);
}

/// c[rows, columns] = a[rows, inner] * b[inner, columns] + beta * c. The bits depend on all three extents.
template <class T>
void gemm(std::int64_t rows, std::int64_t inner, std::int64_t columns, Matrix<const T> a, Matrix<const T> b,
          T beta, Matrix<T> c) {
  const auto call = [&](auto function) {
    function(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
             b.transposed ? CblasTrans : CblasNoTrans, to_blasint(rows), to_blasint(columns),
             to_blasint(inner), T{1}, a.data, to_blasint(a.stride), b.data, to_blasint(b.stride), beta,
             c.data, to_blasint(c.stride));
  };
  if constexpr (sizeof(T) == sizeof(float))
    call(cblas_sgemm);
  else
    call(cblas_dgemm);
}

/// sums[c] = sum of the rows' c-th values.
template <class T>
void column_sums(std::int64_t rows, std::int64_t columns, const T* values, double* scratch, T* sums) {
  for (std::int64_t c = 0; c < columns; ++c) scratch[c] = 0;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) scratch[c] += double{values[r * columns + c]};
  for (std::int64_t c = 0; c < columns; ++c) sums[c] = static_cast<T>(scratch[c]);
}

}  // namespace convoy::openblas
