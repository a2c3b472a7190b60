#include "core/data/open_dataset.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <variant>
#include <vector>

#include "core/data/cifar.h"
#include "core/data/idx.h"
#include "core/data/shapes.h"
#include "core/error.h"

namespace convoy {

namespace {

DatasetPtr open(const config::Cifar10& cifar, Split split, std::int64_t /*limit*/) {
  return open_cifar10({.path = cifar.path}, split);
}
DatasetPtr open(const config::Cifar100& cifar, Split split, std::int64_t /*limit*/) {
  return open_cifar100({.path = cifar.path}, split);
}
DatasetPtr open(const config::Mnist& mnist, Split split, std::int64_t /*limit*/) {
  return open_idx({.path = mnist.path, .classes = mnist.classes}, split);
}
/// Generated pictures beyond the limit are not even made.
DatasetPtr open(const config::Shapes& shapes, Split split, std::int64_t limit) {
  return make_shapes({.seed = shapes.seed,
                      .train_samples = std::min(shapes.train_samples, limit),
                      .test_samples = std::min(shapes.test_samples, limit)},
                     split);
}

bool is_measured(const config::ChannelValues& values) {
  return values && std::holds_alternative<config::OfDataset>(*values);
}

std::vector<double> numbers(const config::ChannelValues& values) {
  if (!values) return {};
  require(!is_measured(values), "the channels' mean and std were not measured");
  return std::get<std::vector<double>>(*values);
}

}  // namespace

DatasetPtr open_dataset(const config::Data& data, Split split) {
  const std::int64_t limit = data.limit.value_or(std::numeric_limits<std::int64_t>::max());
  return limited(std::visit([&](const auto& kind) { return open(kind, split, limit); }, data.dataset), limit);
}

void measure_channels(config::Data& data, const Dataset& training) {
  if (!is_measured(data.mean) && !is_measured(data.std)) return;
  const auto measured = compute_statistics(training, data.scale);
  if (is_measured(data.mean)) data.mean = measured.mean;
  if (is_measured(data.std)) data.std = measured.std;
}

InputPipeline::Options input_options(const config::Data& data, std::uint64_t seed) {
  return {.scale = data.scale,
          .mean = numbers(data.mean),
          .std = numbers(data.std),
          .augment = data.augment,
          .seed = seed};
}

}  // namespace convoy
