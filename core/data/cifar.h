#pragma once

#include <cstdint>
#include <string>

#include "core/data/dataset.h"

namespace convoy {

struct CifarOptions {
  std::string path;                   ///< the directory of the .bin files
  std::int64_t records_per_file = 0;  ///< 0: as published; tests use fewer
};

/// CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html): data_batch_1.bin to
/// data_batch_5.bin and test_batch.bin of 10,000 records, each a label byte and 32x32 pixels as a red, a
/// green and a blue plane. Memory-mapped. Throws DataError for files that are missing, of another size, or
/// with a label that is out of range.
DatasetPtr open_cifar10(const CifarOptions& options, Split split);

/// CIFAR-100's binary version: train.bin of 50,000 and test.bin of 10,000 records, each a coarse and a fine
/// label byte and the planes. The labels are the 100 fine ones.
DatasetPtr open_cifar100(const CifarOptions& options, Split split);

}  // namespace convoy
