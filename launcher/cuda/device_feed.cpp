#include "launcher/cuda/device_feed.h"

#include <algorithm>

#include "core/cuda/kernels/layout.h"

namespace convoy {

namespace {

/// Samples that a worker fills at a time.
constexpr std::int64_t kSamplesAtOnce = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

}  // namespace

HostFeed::HostFeed(const InputPipeline& pipeline, const BatchPlan& batches, WorkerPool& pool,
                   cuda::Storage storage, std::int64_t most_samples)
    : pipeline_(pipeline),
      batches_(batches),
      pool_(pool),
      storage_(storage),
      elements_(pipeline.dataset().sample_shape().elements()),
      pictures_(index(most_samples * elements_) * sizeof(float)),
      labels_(index(most_samples) * sizeof(std::int32_t)) {
  for (Buffer& buffer : buffers_) {
    buffer.pictures = cuda::PinnedMemory(pictures_.size());
    buffer.labels = cuda::PinnedMemory(labels_.size());
  }
}

void HostFeed::feed(const cuda::Stream& main, std::int64_t number, std::int64_t first, std::int64_t samples) {
  first_ = first;
  if (samples == 0) return;
  Buffer& buffer = buffers_[next_++ % 2];
  if (buffer.used) buffer.copied.synchronize();
  pool_.run((samples + kSamplesAtOnce - 1) / kSamplesAtOnce, [&](int, std::int64_t item) {
    const std::int64_t begin = item * kSamplesAtOnce, end = std::min(samples, begin + kSamplesAtOnce);
    pipeline_.fill_training(batches_, number, {first + begin, first + end},
                            buffer.pictures.as<float>().data() + begin * elements_,
                            buffer.labels.as<std::int32_t>().data() + begin);
  });
  cuda::copy_to_device(main, pictures_.data(), buffer.pictures.data(),
                       index(samples * elements_) * sizeof(float));
  cuda::copy_to_device(main, labels_.data(), buffer.labels.data(), index(samples) * sizeof(std::int32_t));
  buffer.copied.record(main);
  buffer.used = true;
}

void HostFeed::fill(const cuda::Stream& stream, const cuda::StepValues* /*step*/, std::int64_t first,
                    std::int64_t samples, void* input, std::int32_t* labels) const {
  const std::int64_t place = first - first_;
  cuda::store(stream, storage_, samples * elements_, pictures_.as<float>() + place * elements_, input);
  cuda::copy_on_device(stream, labels, labels_.as<std::int32_t>() + place,
                       index(samples) * sizeof(std::int32_t));
}

}  // namespace convoy
