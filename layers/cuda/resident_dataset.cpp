#include "layers/cuda/resident_dataset.h"

#include <algorithm>

#include "core/error.h"

namespace convoy {

namespace {

/// Bytes that travel at once, from one of two buffers while the other is filled: enough for the link's speed.
constexpr std::int64_t kChunkBytes = std::int64_t{8} << 20;
/// Samples that a worker reads at a time.
constexpr std::int64_t kSamplesAtOnce = 16;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Buffer {
  cuda::PinnedMemory memory;
  cuda::Event copied;
};

bool kernel_takes(const InputPipeline& pipeline) {
  return pipeline.dataset().sample_bytes() <= cuda::kMostPictureValues &&
         pipeline.augmenter().plans().size() <= index(cuda::kMostAugmentations);
}

std::vector<cuda::KeyedAugmentation> keyed(const InputPipeline& pipeline) {
  std::vector<cuda::KeyedAugmentation> augmentations;
  for (const PlannedAugmentation& plan : pipeline.augmenter().plans()) {
    const auto place = static_cast<std::uint32_t>(augmentations.size());
    augmentations.push_back({plan, RandomStream(pipeline.seed(), RandomPurpose::augment, place)});
  }
  return augmentations;
}

}  // namespace

std::unique_ptr<ResidentDataset> ResidentDataset::if_it_fits(const InputPipeline& pipeline, WorkerPool& pool,
                                                             double part_of_free_memory) {
  const Dataset& dataset = pipeline.dataset();
  if (!kernel_takes(pipeline)) return nullptr;
  const double bytes = static_cast<double>(dataset.size()) *
                       static_cast<double>(index(dataset.sample_bytes()) + sizeof(std::int32_t));
  if (bytes > part_of_free_memory * static_cast<double>(cuda::free_memory_bytes())) return nullptr;
  return std::make_unique<ResidentDataset>(pipeline, pool);
}

ResidentDataset::ResidentDataset(const InputPipeline& pipeline, WorkerPool& pool)
    : pictures_(index(pipeline.dataset().size() * pipeline.dataset().sample_bytes())),
      labels_(index(pipeline.dataset().size()) * sizeof(std::int32_t)),
      table_(pipeline.float_table().size_bytes()),
      augmentations_(pipeline.augmenter().plans().size() * sizeof(cuda::KeyedAugmentation)) {
  require(kernel_takes(pipeline), "pictures and augmentations that the device's kernel takes");
  const Dataset& dataset = pipeline.dataset();
  for (std::int64_t sample = 0; sample < dataset.size(); ++sample)
    host_labels_.push_back(dataset.label(sample));
  cuda::upload(labels_.data(), std::as_bytes(std::span(host_labels_)));
  cuda::upload(table_.data(), std::as_bytes(pipeline.float_table()));
  const std::vector<cuda::KeyedAugmentation> augmentations = keyed(pipeline);
  cuda::upload(augmentations_.data(), std::as_bytes(std::span(augmentations)));
  upload_pictures(dataset, pool);
  const Shape& shape = dataset.sample_shape();
  args_.height = shape[0];
  args_.width = shape[1];
  args_.channels = shape[2];
  args_.pictures = pictures_.as<std::uint8_t>();
  args_.labels = labels_.as<std::int32_t>();
  args_.table = table_.as<float>();
  args_.augmentations = augmentations_.as<cuda::KeyedAugmentation>();
  args_.augmentation_count = static_cast<std::int64_t>(pipeline.augmenter().plans().size());
}

void ResidentDataset::upload_pictures(const Dataset& dataset, WorkerPool& pool) {
  const std::int64_t bytes = dataset.sample_bytes();
  const std::int64_t chunk = std::min(dataset.size(), std::max<std::int64_t>(1, kChunkBytes / bytes));
  const cuda::Stream stream;
  Buffer buffers[2];
  for (Buffer& buffer : buffers) buffer.memory = cuda::PinnedMemory(index(chunk * bytes));
  std::int64_t turn = 0;
  for (std::int64_t first = 0; first < dataset.size(); first += chunk, ++turn) {
    Buffer& buffer = buffers[turn % 2];
    if (turn >= 2) buffer.copied.synchronize();
    const std::int64_t samples = std::min(chunk, dataset.size() - first);
    pool.run((samples + kSamplesAtOnce - 1) / kSamplesAtOnce, [&](int, std::int64_t item) {
      const std::int64_t end = std::min(samples, (item + 1) * kSamplesAtOnce);
      for (std::int64_t n = item * kSamplesAtOnce; n < end; ++n)
        dataset.read(first + n, buffer.memory.as<std::uint8_t>().data() + n * bytes);
    });
    cuda::copy_to_device(stream, pictures_.data() + first * bytes, buffer.memory.data(),
                         index(samples * bytes));
    buffer.copied.record(stream);
  }
  stream.synchronize();
}

void ResidentDataset::fill_training(const cuda::Stream& stream, cuda::Storage storage,
                                    const SampleOrder& order, const cuda::StepValues* step,
                                    std::int64_t first, std::int64_t samples, void* input,
                                    std::int32_t* labels) const {
  cuda::fill_training(stream, storage, args_, order, step, first, samples, input, labels);
}

void ResidentDataset::fill_evaluation(const cuda::Stream& stream, cuda::Storage storage, std::int64_t first,
                                      std::int64_t samples, void* input) const {
  cuda::fill_evaluation(stream, storage, args_, first, samples, input);
}

std::size_t ResidentDataset::memory_bytes() const {
  return pictures_.size() + labels_.size() + table_.size() + augmentations_.size();
}

}  // namespace convoy
