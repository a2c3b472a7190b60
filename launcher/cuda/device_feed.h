#pragma once

#include "core/cuda/memory.h"
#include "core/data/input_pipeline.h"
#include "layers/cuda/device_executor.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Brings the pictures of training steps to the device.
class DeviceFeed : public DeviceSource {
 public:
  /// Before step `number`, of which this rank has the samples [first, first + samples), is queued in `main`.
  virtual void feed(const cuda::Stream& main, std::int64_t number, std::int64_t first,
                    std::int64_t samples) = 0;
  /// Whether the whole data set is on the device.
  virtual bool resident() const { return false; }
};

/// Pictures that this host reads, augments and normalises, a step at a time, while the device is at the one
/// before.
class HostFeed : public DeviceFeed {
 public:
  /// `most_samples`: the most of one step. All must outlive the feed.
  HostFeed(const InputPipeline& pipeline, const BatchPlan& batches, WorkerPool& pool, cuda::Storage storage,
           std::int64_t most_samples);

  void feed(const cuda::Stream& main, std::int64_t number, std::int64_t first, std::int64_t samples) override;
  void fill(const cuda::Stream& stream, const cuda::StepValues* step, std::int64_t first,
            std::int64_t samples, void* input, std::int32_t* labels) const override;

 private:
  /// Two take turns: one is being copied while the other is filled.
  struct Buffer {
    cuda::PinnedMemory pictures, labels;
    cuda::Event copied;
    bool used = false;
  };

  const InputPipeline& pipeline_;
  const BatchPlan& batches_;
  WorkerPool& pool_;
  cuda::Storage storage_;
  std::int64_t elements_;  ///< of a picture
  Buffer buffers_[2];
  std::size_t next_ = 0;
  cuda::DeviceMemory pictures_, labels_;  ///< of this rank's part of a step
  std::int64_t first_ = 0;
};

}  // namespace convoy
