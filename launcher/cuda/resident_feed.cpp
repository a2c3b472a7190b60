#include "launcher/cuda/resident_feed.h"

#include <utility>

namespace convoy {

ResidentFeed::ResidentFeed(std::unique_ptr<const ResidentDataset> dataset, const BatchPlan& batches,
                           cuda::Storage storage)
    : dataset_(std::move(dataset)), batches_(batches), storage_(storage) {}

void ResidentFeed::fill(const cuda::Stream& stream, const cuda::StepValues* step, std::int64_t first,
                        std::int64_t samples, void* input, std::int32_t* labels) const {
  dataset_->fill_training(stream, storage_, batches_.order(), step, first, samples, input, labels);
}

}  // namespace convoy
