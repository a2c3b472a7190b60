#pragma once

#include <cstdint>

#include "core/cuda/device_kernel.h"
#include "core/cuda/stream.h"
#include "core/data/batch_plan.h"
#include "core/data/drawn_augmentation.h"

namespace convoy::cuda {

/// An entry of the list of augmentations, with the stream of its draws.
struct KeyedAugmentation {
  PlannedAugmentation plan;
  RandomStream stream;
};

/// The longest list of augmentations that the threads of a block share the draws of.
inline constexpr std::int64_t kMostAugmentations = 16;
/// The most values of a picture: a place in one is a 32-bit number.
inline constexpr std::int64_t kMostPictureValues = (std::int64_t{1} << 31) - 1;

/// A data set in the device's memory, and how its pictures become a network's input: InputPipeline there.
/// REQUIRES: H * W * C <= kMostPictureValues.
struct InputArgs {
  std::int64_t height = 1, width = 1, channels = 1;
  const std::uint8_t* pictures = nullptr;  ///< [N, H, W, C]
  const std::int32_t* labels = nullptr;    ///< [N]
  const float* table = nullptr;            ///< [C, 256]: what each pixel value becomes
  const KeyedAugmentation* augmentations = nullptr;
  std::int64_t augmentation_count = 0;  ///< at most kMostAugmentations
};

/// Positions [first, first + samples) of the global batch that `step` says, augmented: input [samples, H, W,
/// C] in the storage, and their labels.
void fill_training(const Stream& stream, Storage storage, const InputArgs& args, const SampleOrder& order,
                   const StepValues* step, std::int64_t first, std::int64_t samples, void* input,
                   std::int32_t* labels);
/// The data set's samples [first, first + samples) as they are.
void fill_evaluation(const Stream& stream, Storage storage, const InputArgs& args, std::int64_t first,
                     std::int64_t samples, void* input);

}  // namespace convoy::cuda
