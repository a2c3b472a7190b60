#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace convoy {

enum class Split { train, test };

constexpr std::string_view name_of(Split split) { return split == Split::train ? "train" : "test"; }

/// One split of a data set: labelled pictures of one size, 8 bits a value. Immutable: any number of threads
/// may read.
class Dataset {
 public:
  virtual ~Dataset() = default;

  std::int64_t size() const { return size_; }
  /// [H, W, C]
  const Shape& sample_shape() const { return shape_; }
  std::int64_t sample_bytes() const { return sample_bytes_; }
  /// 0 where the pictures have no labels.
  int classes() const { return static_cast<int>(class_names_.size()); }
  const std::vector<std::string>& class_names() const { return class_names_; }

  /// In {0, …, classes() - 1}; -1 where the pictures have no labels. REQUIRES: 0 <= i < size().
  virtual int label(std::int64_t i) const = 0;
  /// Writes the sample's sample_bytes() values in [H, W, C] order. REQUIRES: 0 <= i < size().
  /// Throws DataError for a picture that cannot be read.
  virtual void read(std::int64_t i, std::uint8_t* hwc) const = 0;
  /// Throws DataError if a file has changed since it was opened.
  virtual void verify_unchanged() const {}

  /// "CIFAR-10 train from data/cifar-10-batches-bin: 50000 samples of [32, 32, 3], 10 classes"
  std::string describe() const;
  const std::string& name() const { return name_; }
  /// SHA-256 of what is learned from: the shape, the number of classes, and every label and picture in order,
  /// however they are stored. Reads everything.
  std::string sha256() const;

 protected:
  Dataset(std::string name, const Shape& sample_shape, std::vector<std::string> class_names,
          std::int64_t size);

 private:
  std::string name_;
  Shape shape_;
  std::vector<std::string> class_names_;
  std::int64_t size_;
  std::int64_t sample_bytes_;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

/// The first `count` samples; the data set itself where it has no more. Throws DataError for count < 1.
DatasetPtr limited(DatasetPtr dataset, std::int64_t count);

/// A data set in two: `held_out` has llround(fraction * size) samples, `training` the others, both chosen by
/// a keyed permutation of the seed.
struct Holdout {
  DatasetPtr training;
  DatasetPtr held_out;
};
/// Throws ConfigError where either part would be empty.
Holdout hold_out(const DatasetPtr& dataset, double fraction, std::uint64_t seed);

/// "0", "1", …
std::vector<std::string> numbered_classes(int count);

}  // namespace convoy
