#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"
#include "core/ops.h"

namespace convoy::cuda {

/// Whether an element-wise activation's slope follows from its output alone, so that its input need not be
/// kept.
bool is_known_by_output(const Activation& activation);

/// y[row, c] = f(x[row, c] + bias[c]) of [rows, channels]; without a bias where that is null. Where `sum` is
/// not null, x + bias is kept there. All may be one place.
void activate(const Stream& stream, Storage storage, const Activation& activation, std::int64_t rows,
              std::int64_t channels, const void* x, const float* bias, void* sum, void* y);

/// dx = dy * f'(x) of n elements: from y where is_known_by_output(), else from x (the other may be null). dx
/// may be dy.
void activation_gradient(const Stream& stream, Storage storage, const Activation& activation, std::int64_t n,
                         const void* x, const void* y, const void* dy, void* dx);

/// Over the last axis of [rows, width].
void softmax(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t width, const void* x,
             void* y);
void softmax_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t width,
                      const void* y, const void* dy, void* dx);

/// sums[c] = the sum of values[row, c] over the rows, in an order that depends on `rows` alone. `partial`:
/// column_sum_bytes(rows, columns) of workspace.
void column_sums(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t columns,
                 const void* values, void* partial, float* sums);
std::size_t column_sum_bytes(std::int64_t rows, std::int64_t columns);

}  // namespace convoy::cuda
