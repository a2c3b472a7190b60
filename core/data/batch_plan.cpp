#include "core/data/batch_plan.h"

#include <algorithm>
#include <set>

#include "core/error.h"

namespace convoy {

namespace {
/// floor(x * y / z) without overflow of x * y.
std::int64_t multiply_divide(std::int64_t x, std::int64_t y, std::int64_t z) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(Wide{x} * y / z);
}
}  // namespace

IndexRange part_of(std::int64_t count, std::int64_t parts, std::int64_t part) {
  return {multiply_divide(part, count, parts), multiply_divide(part + 1, count, parts)};
}

std::int64_t automatic_slices(std::int64_t global_batch_size) {
  std::int64_t slices = 1;
  while (slices < 64 && global_batch_size / (2 * slices) >= 8) slices *= 2;
  return slices;
}

BatchPlan::BatchPlan(const Options& options)
    : options_(options),
      order_{Permutation(RandomStream(options.seed, RandomPurpose::shuffle), options.samples),
             options.shuffle} {
  require(options.samples > 0 && options.global_batch_size > 0 && options.slices > 0,
          "a batch plan needs samples, a batch size and slices");
  const std::int64_t full = options.samples / options.global_batch_size;
  steps_per_epoch_ = full + (options.samples % options.global_batch_size != 0 ? 1 : 0);
}

std::int64_t BatchPlan::batch_size(std::int64_t step) const {
  return std::min(options_.global_batch_size, options_.samples - first_index(step));
}

IndexRange BatchPlan::slice(std::int64_t step, std::int64_t slice) const {
  return part_of(batch_size(step), options_.slices, slice);
}

std::int64_t BatchPlan::sample(std::int64_t step, std::int64_t position) const {
  return order_(static_cast<std::uint64_t>(epoch_of(step)), first_index(step) + position);
}

void BatchPlan::samples(std::int64_t step, IndexRange positions, std::span<std::int64_t> out) const {
  require(static_cast<std::int64_t>(out.size()) == positions.size(), "one place a position");
  for (std::int64_t i = 0; i < positions.size(); ++i) {
    out[static_cast<std::size_t>(i)] = sample(step, positions.begin + i);
  }
}

std::vector<std::int64_t> BatchPlan::slice_sizes() const {
  std::set<std::int64_t> sizes;
  for (const std::int64_t step : {std::int64_t{0}, steps_per_epoch_ - 1}) {
    for (std::int64_t j = 0; j < options_.slices; ++j) sizes.insert(slice(step, j).size());
  }
  sizes.erase(0);
  return {sizes.begin(), sizes.end()};
}

}  // namespace convoy
