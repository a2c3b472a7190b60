#pragma once

#include <cstdint>

#include "core/data/dataset.h"

namespace convoy {

struct ShapesOptions {
  std::uint64_t seed = 0;
  std::int64_t train_samples = 10000;
  std::int64_t test_samples = 2000;
};

/// Generated pictures [32, 32, 3] of ten kinds of figure with random places, sizes, colours and noise: a task
/// for tests and benchmarks that needs no files. Sample i is a pure function of (seed, split, i) in integer
/// arithmetic, the same bytes on every machine, and has label i % 10. Held in memory. Throws DataError for
/// sizes below 1 or above 2^24.
DatasetPtr make_shapes(const ShapesOptions& options, Split split);

}  // namespace convoy
