#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/cuda/kernels/input.h"
#include "core/cuda/memory.h"
#include "core/data/input_pipeline.h"
#include "layers/worker_pool.h"

namespace convoy {

/// A whole data set in the device's memory, 8 bits a value, from which the device makes a network's input by
/// itself, with the bits of InputPipeline. Belongs to the device that was current when it was made.
class ResidentDataset {
 public:
  /// Null where the data set takes more than this part of the memory that the device has free, or has
  /// pictures or augmentations that its kernel does not take.
  static std::unique_ptr<ResidentDataset> if_it_fits(const InputPipeline& pipeline, WorkerPool& pool,
                                                     double part_of_free_memory = 0.25);

  /// Reads all pictures, in the pool's threads. Throws DataError for one that cannot be read, and DefectError
  /// for what the kernel does not take.
  ResidentDataset(const InputPipeline& pipeline, WorkerPool& pool);

  /// The samples at positions [first, first + samples) of the global batch that `step` says, augmented: input
  /// [samples, H, W, C] in the storage, and their labels.
  void fill_training(const cuda::Stream& stream, cuda::Storage storage, const SampleOrder& order,
                     const cuda::StepValues* step, std::int64_t first, std::int64_t samples, void* input,
                     std::int32_t* labels) const;
  /// The data set's samples [first, first + samples) as they are.
  void fill_evaluation(const cuda::Stream& stream, cuda::Storage storage, std::int64_t first,
                       std::int64_t samples, void* input) const;

  /// Of all samples, on the host.
  std::span<const std::int32_t> labels() const { return host_labels_; }
  std::int64_t size() const { return static_cast<std::int64_t>(host_labels_.size()); }
  std::size_t memory_bytes() const;

 private:
  void upload_pictures(const Dataset& dataset, WorkerPool& pool);

  cuda::DeviceMemory pictures_, labels_, table_, augmentations_;
  std::vector<std::int32_t> host_labels_;
  cuda::InputArgs args_;
};

}  // namespace convoy
