#include "layers/cuda/device_batch_normalizations.h"

#include "core/cuda/kernels/batch_meeting.h"

namespace convoy {

namespace {

cuda::DeviceMemory doubles(std::int64_t count) {
  return cuda::DeviceMemory(static_cast<std::size_t>(count) * sizeof(double));
}

}  // namespace

DeviceBatchNormalizations::DeviceBatchNormalizations(const DeviceNetwork& network, std::int64_t slices,
                                                     std::int64_t local_slices)
    : site_of_(network.blocks().size(), -1),
      is_moments_(network.blocks().size()),
      slices_(slices),
      statistics_elements_(network.model().statistics_elements) {
  for (std::size_t i = 0; i < network.blocks().size(); ++i) {
    const DeviceBlock& block = network.blocks()[i];
    is_moments_[i] = block.moments != nullptr;
    if (!block.moments) continue;
    Site site;
    site.moments_block = i;
    site.op = &block.ops.front();
    site.channels = site.op->output[site.op->output.rank() - 1];
    site.whole_batch = block.moments->statistics == BatchMomentsOp::Statistics::batch;
    site.forward = doubles(slices * site.width());
    site.backward = doubles(slices * 2 * site.channels);
    site.values = doubles((site.whole_batch ? 1 : local_slices) * 4 * site.channels);
    if (!site.whole_batch) site.means = doubles(2 * site.channels);
    for (const std::size_t half : {0, 1}) site_of_[i + half] = static_cast<int>(sites_.size());
    sites_.push_back(std::move(site));
  }
}

/// Records of slices that are absent are zero.
void DeviceBatchNormalizations::begin_step(const cuda::Stream& stream) const {
  for (const Site& site : sites_) {
    cuda::clear(stream, site.forward.data(), site.forward.size());
    cuda::clear(stream, site.backward.data(), site.backward.size());
  }
}

double* DeviceBatchNormalizations::forward_record(std::size_t block, std::int64_t slice) const {
  return is_moments_[block] ? at(block)->forward_of(slice) : nullptr;
}

double* DeviceBatchNormalizations::backward_record(std::size_t block, std::int64_t slice) const {
  return at(block) && !is_moments_[block] ? at(block)->backward_of(slice) : nullptr;
}

const double* DeviceBatchNormalizations::values(std::size_t block, std::int64_t local_slice) const {
  return at(block) ? at(block)->values_of(local_slice) : nullptr;
}

void DeviceBatchNormalizations::forward_done(const cuda::Stream& stream, std::size_t block,
                                             std::int64_t slice, std::int64_t local_slice) const {
  const Site* site = at(block);
  if (!is_moments_[block] || site->whole_batch) return;
  cuda::combine_moments(stream, site->forward_of(slice), 1, site->channels, site->values_of(local_slice));
}

void DeviceBatchNormalizations::backward_done(const cuda::Stream& stream, std::size_t block,
                                              std::int64_t slice, std::int64_t local_slice) const {
  const Site* site = at(block);
  if (!site || is_moments_[block] || site->whole_batch) return;
  cuda::combine_gradient_sums(stream, site->backward_of(slice), site->forward_of(slice), 1, site->channels,
                              site->values_of(local_slice) + 2 * site->channels);
}

DeviceBatchNormalizations::Records DeviceBatchNormalizations::forward_records(std::size_t block) const {
  return {at(block)->forward_of(0), at(block)->width()};
}

DeviceBatchNormalizations::Records DeviceBatchNormalizations::backward_records(std::size_t block) const {
  return {at(block)->backward_of(0), 2 * at(block)->channels};
}

void DeviceBatchNormalizations::forward_gathered(const cuda::Stream& stream, std::size_t block) const {
  const Site* site = at(block);
  cuda::combine_moments(stream, site->forward_of(0), slices_, site->channels, site->values_of(0));
}

void DeviceBatchNormalizations::backward_gathered(const cuda::Stream& stream, std::size_t block) const {
  const Site* site = at(block);
  cuda::combine_gradient_sums(stream, site->backward_of(0), site->forward_of(0), slices_, site->channels,
                              site->values_of(0) + 2 * site->channels);
}

std::vector<DeviceBatchNormalizations::Records> DeviceBatchNormalizations::slice_records() const {
  std::vector<Records> records;
  for (const Site& site : sites_)
    if (!site.whole_batch) records.push_back({site.forward_of(0), site.width()});
  return records;
}

void DeviceBatchNormalizations::move_statistics(const cuda::Stream& stream, const float* statistics,
                                                float* moved) const {
  cuda::copy_on_device(stream, moved, statistics,
                       static_cast<std::size_t>(statistics_elements_) * sizeof(float));
  for (const Site& site : sites_) {
    const double* means = site.values.as<double>();
    if (!site.whole_batch) {
      cuda::average_moments(stream, site.forward_of(0), site.width(), slices_, site.channels,
                            site.means.as<double>());
      means = site.means.as<double>();
    }
    const double momentum = std::get<BatchMomentsOp>(site.op->kind).momentum;
    for (std::size_t half = 0; half < 2; ++half) {
      const std::int64_t offset = site.op->statistics[half].offset;
      cuda::move_statistics(stream, site.channels, momentum,
                            means + static_cast<std::int64_t>(half) * site.channels, statistics + offset,
                            moved + offset);
    }
  }
}

std::size_t DeviceBatchNormalizations::memory_bytes() const {
  std::size_t bytes = 0;
  for (const Site& site : sites_)
    bytes += site.forward.size() + site.backward.size() + site.values.size() + site.means.size();
  return bytes;
}

}  // namespace convoy
