#pragma once

#include <algorithm>
#include <cstdint>

#include "core/backend.h"
#include "core/tensor.h"

namespace convoy {

/// A block's weights as the matrix that WeightGradientPart speaks of, cut into parts.
class WeightMatrix {
 public:
  WeightMatrix(const Shape& weights, const WeightGradientParts& parts)
      : parts_(parts),
        columns_(weights[weights.rank() - 1]),
        rows_(weights.elements() / columns_ / parts.groups),
        across_((columns_ + parts.columns - 1) / parts.columns) {}

  /// Parts are numbered row by row.
  std::int64_t count() const { return (rows_ + parts_.rows - 1) / parts_.rows * across_; }
  WeightGradientPart part(std::int64_t number) const {
    const std::int64_t row = number / across_ * parts_.rows, column = number % across_ * parts_.columns;
    return {row, std::min(row + parts_.rows, rows_), column, std::min(column + parts_.columns, columns_)};
  }
  /// Elements of the largest part.
  std::int64_t part_elements() const { return parts_.groups * parts_.rows * parts_.columns; }

  /// Calls run(offset, first, count) for the runs of a part's elements that lie one behind the other in the
  /// weights too: `count` of them from element `first` of the part, and from `offset` of the weights on.
  void each_run(const WeightGradientPart& part, const auto& run) const {
    const bool whole_rows = part.columns() == columns_;
    const std::int64_t count = whole_rows ? part.rows() * columns_ : part.columns();
    std::int64_t first = 0;
    for (std::int64_t group = 0; group < parts_.groups; ++group)
      for (std::int64_t row = part.first_row; row < part.last_row;
           row += count / part.columns(), first += count)
        run((group * rows_ + row) * columns_ + part.first_column, first, count);
  }

 private:
  WeightGradientParts parts_;
  std::int64_t columns_, rows_;  ///< rows of a group
  std::int64_t across_;          ///< parts of a row
};

}  // namespace convoy
