#include "core/data/dataset.h"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include "core/data/permutation.h"
#include "core/error.h"
#include "core/sha256.h"

namespace convoy {

Dataset::Dataset(std::string name, const Shape& sample_shape, std::vector<std::string> class_names,
                 std::int64_t size)
    : name_(std::move(name)),
      shape_(sample_shape),
      class_names_(std::move(class_names)),
      size_(size),
      sample_bytes_(sample_shape.elements()) {}

std::string Dataset::describe() const {
  return fmt::format("{}: {} samples of {}, {} classes", name_, size_, shape_.to_string(), classes());
}

std::string Dataset::sha256() const {
  Sha256 hash;
  const auto header = fmt::format("convoy data set 1\n{}\n{}\n{}\n", shape_.to_string(), classes(), size_);
  hash.update(std::as_bytes(std::span(header)));
  std::vector<std::uint8_t> record(2 + static_cast<std::size_t>(sample_bytes_));
  for (std::int64_t i = 0; i < size_; ++i) {
    const int sample_label = label(i);
    record[0] = static_cast<std::uint8_t>(sample_label & 0xff);
    record[1] = static_cast<std::uint8_t>(sample_label >> 8 & 0xff);
    read(i, record.data() + 2);
    hash.update(std::as_bytes(std::span(record)));
  }
  return hash.hex();
}

namespace {

/// Samples of another data set, those of {first, …, first + count - 1} after an optional permutation.
class View : public Dataset {
 public:
  View(std::string name, DatasetPtr base, std::shared_ptr<const Permutation> order, std::int64_t first,
       std::int64_t count)
      : Dataset(std::move(name), base->sample_shape(), base->class_names(), count),
        base_(std::move(base)),
        order_(std::move(order)),
        first_(first) {}

  int label(std::int64_t i) const override { return base_->label(index(i)); }
  void read(std::int64_t i, std::uint8_t* hwc) const override { base_->read(index(i), hwc); }
  void verify_unchanged() const override { base_->verify_unchanged(); }

 private:
  std::int64_t index(std::int64_t i) const { return order_ ? (*order_)(0, first_ + i) : first_ + i; }

  DatasetPtr base_;
  std::shared_ptr<const Permutation> order_;
  std::int64_t first_;
};

}  // namespace

DatasetPtr limited(DatasetPtr dataset, std::int64_t count) {
  if (count < 1)
    throw DataError("{}: a limit of {} leaves no samples; set data.limit to at least 1", dataset->name(),
                    count);
  if (count >= dataset->size()) return dataset;
  auto name = fmt::format("the first {} of {}", count, dataset->name());
  return std::make_shared<View>(std::move(name), std::move(dataset), nullptr, 0, count);
}

Holdout hold_out(const DatasetPtr& dataset, double fraction, std::uint64_t seed) {
  const std::int64_t size = dataset->size();
  const bool sensible = fraction > 0 && fraction < 1;
  const std::int64_t held = sensible ? std::llround(fraction * static_cast<double>(size)) : 0;
  if (held < 1 || held >= size) {
    throw ConfigError(
        "holding out {} of {} samples leaves {} for validation and {} for training; choose a fraction that "
        "leaves both at least one, or none",
        fraction, size, held, size - held);
  }
  const auto order = std::make_shared<Permutation>(RandomStream(seed, RandomPurpose::holdout), size);
  return {std::make_shared<View>(fmt::format("{} of {}", size - held, dataset->name()), dataset, order, held,
                                 size - held),
          std::make_shared<View>(fmt::format("{} held out of {}", held, dataset->name()), dataset, order, 0,
                                 held)};
}

std::vector<std::string> numbered_classes(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace convoy
