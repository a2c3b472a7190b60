#include "core/data/input_pipeline.h"

#include <cmath>
#include <utility>

#include "core/error.h"

namespace convoy {

namespace {

constexpr std::int64_t kValues = 256;

/// One number a channel from the option's.
std::vector<double> per_channel(std::vector<double> numbers, std::int64_t channels, double missing,
                                const char* key) {
  if (numbers.empty()) numbers.push_back(missing);
  if (numbers.size() == 1) numbers.resize(static_cast<std::size_t>(channels), numbers.front());
  if (static_cast<std::int64_t>(numbers.size()) != channels) {
    throw ConfigError(
        "data.{}: {} numbers, but the pictures have {} channels; give one number a channel, or one for all",
        key, numbers.size(), channels);
  }
  return numbers;
}

std::vector<double> make_table(const InputPipeline::Options& options, std::int64_t channels) {
  const auto mean = per_channel(options.mean, channels, 0, "mean");
  const auto deviation = per_channel(options.std, channels, 1, "std");
  std::vector<double> table;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    if (!(deviation[c] > 0))
      throw ConfigError("data.std: {} is not positive; values are divided by it", deviation[c]);
    for (std::int64_t value = 0; value < kValues; ++value) {
      table.push_back((static_cast<double>(value) * options.scale - mean[c]) / deviation[c]);
    }
  }
  return table;
}

/// x[i] = table[i % C][in[i]]; kChannels is C, or 0 where it is known only at run time. `in` may lie in the
/// memory of x, as long as no value is overwritten before it is read.
template <std::int64_t kChannels, class T>
void look_up(const std::uint8_t* in, std::int64_t values, std::int64_t channels, const T* table, T* x) {
  const std::int64_t step = kChannels > 0 ? kChannels : channels;
  for (std::int64_t i = 0; i < values; i += step) {
// Three times as fast with the channels unrolled, which -O2 does not do by itself.
#pragma GCC unroll 3
    for (std::int64_t c = 0; c < step; ++c) x[i + c] = table[c * kValues + in[i + c]];
  }
}

}  // namespace

ChannelStatistics compute_statistics(const Dataset& dataset, double scale) {
  const std::int64_t channels = dataset.sample_shape()[2];
  std::vector<std::int64_t> histogram(static_cast<std::size_t>(channels * kValues));
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_bytes()));
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, picture.data());
    for (std::size_t p = 0; p < picture.size(); p += static_cast<std::size_t>(channels)) {
      for (std::int64_t c = 0; c < channels; ++c) {
        ++histogram[static_cast<std::size_t>(c * kValues + picture[p + static_cast<std::size_t>(c)])];
      }
    }
  }

  __extension__ using Wide = __int128;
  ChannelStatistics statistics;
  for (std::int64_t c = 0; c < channels; ++c) {
    Wide count = 0, sum = 0, squares = 0;
    for (std::int64_t value = 0; value < kValues; ++value) {
      const std::int64_t n = histogram[static_cast<std::size_t>(c * kValues + value)];
      count += n;
      sum += n * value;
      squares += n * value * value;
    }
    const Wide scatter = count * squares - sum * sum;  // count^2 times the variance
    if (scatter == 0) {
      throw DataError(
          "{}: channel {} has the same value in every pixel, so its standard deviation is 0; give numbers "
          "as data.std",
          dataset.name(), c);
    }
    const auto pixels = static_cast<double>(count);
    statistics.mean.push_back(static_cast<double>(sum) / pixels * scale);
    statistics.std.push_back(std::sqrt(static_cast<double>(scatter)) / pixels * std::abs(scale));
  }
  return statistics;
}

InputPipeline::InputPipeline(DatasetPtr dataset, Options options)
    : dataset_(std::move(dataset)),
      augmenter_(options.augment, dataset_->sample_shape()),
      seed_(options.seed),
      channels_(dataset_->sample_shape()[2]),
      double_table_(make_table(options, channels_)) {
  for (const double value : double_table_) float_table_.push_back(static_cast<float>(value));
}

template <>
const std::vector<float>& InputPipeline::table() const {
  return float_table_;
}
template <>
const std::vector<double>& InputPipeline::table() const {
  return double_table_;
}

template <class T>
void InputPipeline::fill(std::int64_t sample, const RandomPoint* augment_at, T* x) const {
  // The picture is put at the end of the memory of its own x: value i of x, once written, ends at byte (i +
  // 1) * sizeof(T), and never reaches the values that are still to be read. The bytes before are free until
  // then.
  const std::int64_t bytes = dataset_->sample_bytes();
  auto* picture = reinterpret_cast<std::uint8_t*>(x) + bytes * static_cast<std::int64_t>(sizeof(T) - 1);
  dataset_->read(sample, picture);
  if (augment_at != nullptr) augmenter_.apply(*augment_at, picture, picture - bytes);
  switch (channels_) {
    case 1:
      return look_up<1>(picture, bytes, channels_, table<T>().data(), x);
    case 3:
      return look_up<3>(picture, bytes, channels_, table<T>().data(), x);
    default:
      return look_up<0>(picture, bytes, channels_, table<T>().data(), x);
  }
}

template <class T>
void InputPipeline::fill_training(const BatchPlan& plan, std::int64_t step, IndexRange positions, T* x,
                                  std::int32_t* labels) const {
  for (std::int64_t position = positions.begin; position < positions.end; ++position) {
    const std::int64_t sample = plan.sample(step, position);
    const RandomPoint point{seed_, static_cast<std::uint64_t>(step), position};
    fill(sample, &point, x);
    *labels++ = dataset_->label(sample);
    x += dataset_->sample_bytes();
  }
}

template <class T>
void InputPipeline::fill_evaluation(IndexRange range, T* x, std::int32_t* labels) const {
  for (std::int64_t sample = range.begin; sample < range.end; ++sample) {
    fill(sample, nullptr, x);
    *labels++ = dataset_->label(sample);
    x += dataset_->sample_bytes();
  }
}

template void InputPipeline::fill_training(const BatchPlan&, std::int64_t, IndexRange, float*,
                                           std::int32_t*) const;
template void InputPipeline::fill_training(const BatchPlan&, std::int64_t, IndexRange, double*,
                                           std::int32_t*) const;
template void InputPipeline::fill_evaluation(IndexRange, float*, std::int32_t*) const;
template void InputPipeline::fill_evaluation(IndexRange, double*, std::int32_t*) const;

}  // namespace convoy
