#include "layers/batch_normalizations.h"

#include <algorithm>

#include "layers/batch_statistics.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

std::span<double> BatchNormalizations::Site::forward_of(std::int64_t slice) {
  const std::size_t width = index(moments_width(channels));
  return std::span(forward).subspan(index(slice) * width, width);
}

std::span<double> BatchNormalizations::Site::backward_of(std::int64_t slice) {
  const std::size_t width = index(2 * channels);
  return std::span(backward).subspan(index(slice) * width, width);
}

std::span<double> BatchNormalizations::Site::values_of(std::int64_t local_slice) {
  const std::size_t width = index(4 * channels);
  return std::span(values).subspan(whole_batch ? 0 : index(local_slice) * width, width);
}

BatchNormalizations::BatchNormalizations(const Network& network, std::int64_t slices,
                                         std::int64_t local_slices)
    : site_of_(network.blocks().size()), is_moments_(network.blocks().size()), slices_(slices) {
  const auto blocks = network.blocks();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    is_moments_[i] = blocks[i].moments != nullptr;
    if (!is_moments_[i]) continue;
    Site site;
    site.moments_block = i;
    site.op = &blocks[i].ops.front();
    site.channels = site.op->output[site.op->output.rank() - 1];
    site.whole_batch = blocks[i].moments->statistics == BatchMomentsOp::Statistics::batch;
    site.forward.resize(index(slices * moments_width(site.channels)));
    site.backward.resize(index(slices * 2 * site.channels));
    site.means.resize(index(2 * site.channels));
    site.values.resize(index((site.whole_batch ? 1 : local_slices) * 4 * site.channels));
    if (!site.whole_batch) step_record_width_ += moments_width(site.channels);
    sites_.push_back(std::move(site));
  }
  for (Site& site : sites_)
    for (const std::size_t half : {0, 1}) site_of_[site.moments_block + half] = &site;
}

void BatchNormalizations::begin_step() {
  for (Site& site : sites_) {
    std::ranges::fill(site.forward, 0.0);
    std::ranges::fill(site.backward, 0.0);
  }
}

double* BatchNormalizations::forward_record(std::size_t block, std::int64_t slice) {
  return is_moments_[block] ? at(block)->forward_of(slice).data() : nullptr;
}

double* BatchNormalizations::backward_record(std::size_t block, std::int64_t slice) {
  return at(block) && !is_moments_[block] ? at(block)->backward_of(slice).data() : nullptr;
}

const double* BatchNormalizations::values(std::size_t block, std::int64_t local_slice) const {
  return site_of_[block] ? site_of_[block]->values_of(local_slice).data() : nullptr;
}

void BatchNormalizations::forward_done(std::size_t block, std::int64_t slice, std::int64_t local_slice) {
  if (!is_moments_[block] || at(block)->whole_batch) return;
  Site& site = *at(block);
  combine_moments(site.forward_of(slice), site.channels,
                  site.values_of(local_slice).first(index(2 * site.channels)));
}

void BatchNormalizations::backward_done(std::size_t block, std::int64_t slice, std::int64_t local_slice) {
  if (!at(block) || is_moments_[block] || at(block)->whole_batch) return;
  Site& site = *at(block);
  combine_gradient_sums(site.backward_of(slice), site.channels, site.forward_of(slice).front(),
                        site.values_of(local_slice).subspan(index(2 * site.channels)));
}

BatchNormalizations::Records BatchNormalizations::forward_records(std::size_t block) {
  return {at(block)->forward, moments_width(at(block)->channels)};
}

BatchNormalizations::Records BatchNormalizations::backward_records(std::size_t block) {
  return {at(block)->backward, 2 * at(block)->channels};
}

void BatchNormalizations::forward_gathered(std::size_t block) {
  Site& site = *at(block);
  combine_moments(site.forward, site.channels, site.values_of(0).first(index(2 * site.channels)));
}

void BatchNormalizations::backward_gathered(std::size_t block) {
  Site& site = *at(block);
  double count = 0;
  for (std::int64_t slice = 0; slice < slices_; ++slice) count += site.forward_of(slice).front();
  combine_gradient_sums(site.backward, site.channels, count,
                        site.values_of(0).subspan(index(2 * site.channels)));
}

void BatchNormalizations::write_step_record(std::int64_t slice, std::span<double> record) const {
  for (const Site& site : sites_) {
    if (site.whole_batch) continue;
    const std::size_t width = index(moments_width(site.channels));
    std::copy_n(site.forward.begin() + slice * moments_width(site.channels), width, record.begin());
    record = record.subspan(width);
  }
}

/// The slices' means and variances, weighted by their samples.
std::span<const double> BatchNormalizations::Site::batch_means(std::span<const double> records,
                                                               std::int64_t width) {
  if (whole_batch) return std::span(values).first(means.size());
  std::ranges::fill(means, 0.0);
  double count = 0;
  for (; !records.empty(); records = records.subspan(std::min(records.size(), index(width)))) {
    if (records[0] == 0) continue;
    count += records[0];
    for (std::size_t i = 0; i < index(channels); ++i) {
      means[i] += records[0] * records[1 + i];
      means[index(channels) + i] += records[1 + index(channels) + i];
    }
  }
  for (double& value : means) value /= count;
  return means;
}

void BatchNormalizations::move_statistics(std::span<const double> records, std::int64_t width,
                                          std::span<const float> statistics, std::span<float> moved) {
  std::ranges::copy(statistics, moved.begin());
  for (Site& site : sites_) {
    const std::size_t channels = index(site.channels);
    const std::span<const double> means = site.batch_means(records, width);
    if (!site.whole_batch) records = records.subspan(index(moments_width(site.channels)));
    for (std::size_t half = 0; half < 2; ++half) {
      const std::size_t offset = index(site.op->statistics[half].offset);
      update_moving(statistics.subspan(offset, channels), means.subspan(half * channels, channels),
                    std::get<BatchMomentsOp>(site.op->kind).momentum, moved.subspan(offset, channels));
    }
  }
}

}  // namespace convoy
