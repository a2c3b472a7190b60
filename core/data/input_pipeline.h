#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/augment.h"
#include "core/data/batch_plan.h"
#include "core/data/dataset.h"

namespace convoy {

/// The mean and the standard deviation (of the population) of each channel of scaled values.
struct ChannelStatistics {
  std::vector<double> mean, std;
};
/// Of pixel * scale over the whole data set, from exact integer sums. Reads everything. Throws DataError for
/// a channel that is the same everywhere, by whose deviation nothing can be divided.
ChannelStatistics compute_statistics(const Dataset& dataset, double scale);

/// Turns samples of a data set into a network's input: reads, augments (in training), and normalises each
/// pixel to (pixel * scale - mean[c]) / std[c], computed in double and rounded once. Any number of threads
/// may fill at once; nothing is allocated.
class InputPipeline {
 public:
  struct Options {
    double scale = 1;
    std::vector<double> mean{};  ///< one number a channel, or one for all; empty: 0
    std::vector<double> std{};   ///< likewise; empty: 1
    std::vector<Augmentation> augment{};
    std::uint64_t seed = 0;  ///< of the augmentations
  };

  /// Throws ConfigError where mean or std do not fit the channels or std is not positive.
  InputPipeline(DatasetPtr dataset, Options options);

  const Dataset& dataset() const { return *dataset_; }

  // For devices that do the same by themselves:
  const Augmenter& augmenter() const { return augmenter_; }
  std::uint64_t seed() const { return seed_; }
  /// [C, 256]: what each pixel value becomes.
  std::span<const float> float_table() const { return float_table_; }

  /// The samples at `positions` of the step's global batch, augmented: x [positions.size(), H, W, C] and
  /// their labels.
  template <class T>
  void fill_training(const BatchPlan& plan, std::int64_t step, IndexRange positions, T* x,
                     std::int32_t* labels) const;
  /// The data set's samples `range` as they are: x [range.size(), H, W, C] and their labels (-1 without).
  template <class T>
  void fill_evaluation(IndexRange range, T* x, std::int32_t* labels) const;

 private:
  template <class T>
  void fill(std::int64_t sample, const RandomPoint* augment_at, T* x) const;
  template <class T>
  const std::vector<T>& table() const;

  DatasetPtr dataset_;
  Augmenter augmenter_;
  std::uint64_t seed_;
  std::int64_t channels_;
  std::vector<float> float_table_;  ///< [C, 256]
  std::vector<double> double_table_;
};

}  // namespace convoy
