#pragma once

#include <memory>

#include "launcher/cuda/device_feed.h"
#include "layers/cuda/resident_dataset.h"

namespace convoy {

/// Pictures that the device takes from its own memory, augments and normalises, straight into the slices.
class ResidentFeed : public DeviceFeed {
 public:
  /// The plan must outlive the feed.
  ResidentFeed(std::unique_ptr<const ResidentDataset> dataset, const BatchPlan& batches,
               cuda::Storage storage);

  /// Nothing: all that changes from step to step is in StepValues.
  void feed(const cuda::Stream&, std::int64_t, std::int64_t, std::int64_t) override {}
  void fill(const cuda::Stream& stream, const cuda::StepValues* step, std::int64_t first,
            std::int64_t samples, void* input, std::int32_t* labels) const override;
  bool resident() const override { return true; }

 private:
  std::unique_ptr<const ResidentDataset> dataset_;
  const BatchPlan& batches_;
  cuda::Storage storage_;
};

}  // namespace convoy
