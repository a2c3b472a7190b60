#pragma once

#include <string>

#include "core/data/dataset.h"

namespace convoy {

struct IdxOptions {
  std::string path;  ///< the directory of the four files
  int classes = 10;
};

/// MNIST and the data sets in its format (http://yann.lecun.com/exdb/mnist): train-images-idx3-ubyte,
/// train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, with or without .gz, also with a
/// dot before "idx". Raw files are memory-mapped, gzip files inflated into memory (at most 4 GiB). Samples
/// are [H, W, 1]. Throws DataError for files that are missing, damaged, of another format or size, and for
/// labels out of range.
DatasetPtr open_idx(const IdxOptions& options, Split split);

}  // namespace convoy
