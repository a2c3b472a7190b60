#include "core/cuda/kernels/input.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

/// Values that a block writes: enough that finding the sample and its draws, once a block, costs little.
constexpr std::int64_t kValuesPerBlock = 4096;
constexpr int kWarp = 32;

/// A sample of the epoch's order, augmented.
struct FromBatch {
  SampleOrder order;
  const StepValues* step;
  std::int64_t first;

  CONVOY_DEVICE std::int64_t sample(std::int64_t n) const {
    return order(step->epoch, step->first_sample + first + n);
  }
  CONVOY_DEVICE DrawnAugmentation drawn(const InputArgs& args, std::int64_t n, std::int64_t k) const {
    const KeyedAugmentation& augmentation = args.augmentations[k];
    return draw(augmentation.plan, args.height, args.width,
                augmentation.stream(step->step, static_cast<std::uint32_t>(first + n), 0));
  }
};

/// A sample of the data set's own order; its augmentations are none.
struct FromSplit {
  std::int64_t first;

  CONVOY_DEVICE std::int64_t sample(std::int64_t n) const { return first + n; }
  CONVOY_DEVICE DrawnAugmentation drawn(const InputArgs&, std::int64_t, std::int64_t) const { return {}; }
};

/// A block for a part of a picture.
template <class T, class Source>
struct FillInput {
  static constexpr int kThreads = kThreadsPerBlock, kPhases = 2;
  struct Shared {
    std::int64_t sample;
    DrawnAugmentation drawn[kMostAugmentations];
  };

  InputArgs args;
  Source source;
  std::int64_t parts;  ///< of a picture
  T* input;
  std::int32_t* labels;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    const std::int64_t n = at.block / parts, part = at.block % parts;
    if constexpr (kPhase == 0)
      find(at, n, part);
    else
      write(at.shared, at.thread, n, part);
  }

  /// Which sample, and its draws: one a warp, so that none waits for another.
  CONVOY_DEVICE void find(const Block<Shared>& at, std::int64_t n, std::int64_t part) const {
    if (at.thread % kWarp != 0) return;
    for (std::int64_t item = at.thread / kWarp; item <= args.augmentation_count; item += kThreads / kWarp) {
      if (item > 0) {
        at.shared.drawn[item - 1] = source.drawn(args, n, item - 1);
        continue;
      }
      at.shared.sample = source.sample(n);
      if (part == 0 && labels != nullptr) labels[n] = args.labels[at.shared.sample];
    }
  }

  CONVOY_DEVICE void write(const Shared& shared, int thread, std::int64_t n, std::int64_t part) const {
    const std::int64_t values = args.height * args.width * args.channels;
    const std::uint8_t* picture = args.pictures + shared.sample * values;
    const std::int64_t begin = part * kValuesPerBlock;
    const std::int64_t end = begin + kValuesPerBlock < values ? begin + kValuesPerBlock : values;
    for (std::int64_t i = begin + thread; i < end; i += kThreads) {
      // Divisions of 32 bits, which take a fraction of the time of those of 64.
      const auto channels = static_cast<std::uint32_t>(args.channels);
      const auto pixel = static_cast<std::uint32_t>(i) / channels;
      const auto channel = static_cast<std::uint32_t>(i) % channels;
      input[n * values + i] = T(args.table[channel * 256U + value_at(shared, picture, pixel, channel)]);
    }
  }

  /// A value after all augmentations, found by going back through them.
  CONVOY_DEVICE std::uint8_t value_at(const Shared& shared, const std::uint8_t* picture, std::uint32_t pixel,
                                      std::uint32_t channel) const {
    std::int64_t y = pixel / static_cast<std::uint32_t>(args.width);
    std::int64_t x = pixel % static_cast<std::uint32_t>(args.width);
    for (std::int64_t k = args.augmentation_count; k-- > 0;)
      if (!trace_back(shared.drawn[k], args.height, args.width, y, x)) return shared.drawn[k].fill;
    return picture[(y * args.width + x) * args.channels + channel];
  }
};

template <class Source>
void fill(const Stream& stream, Storage storage, const InputArgs& args, const Source& source,
          std::int64_t samples, void* input, std::int32_t* labels) {
  const std::int64_t values = args.height * args.width * args.channels;
  const std::int64_t parts = (values + kValuesPerBlock - 1) / kValuesPerBlock;
  with_storage(storage, [&]<class T>(T) {
    launch_blocks(stream, samples * parts,
                  FillInput<T, Source>{args, source, parts, static_cast<T*>(input), labels});
  });
}

}  // namespace

void fill_training(const Stream& stream, Storage storage, const InputArgs& args, const SampleOrder& order,
                   const StepValues* step, std::int64_t first, std::int64_t samples, void* input,
                   std::int32_t* labels) {
  fill(stream, storage, args, FromBatch{order, step, first}, samples, input, labels);
}

void fill_evaluation(const Stream& stream, Storage storage, const InputArgs& args, std::int64_t first,
                     std::int64_t samples, void* input) {
  InputArgs plain = args;
  plain.augmentation_count = 0;
  fill(stream, storage, plain, FromSplit{first}, samples, input, nullptr);
}

}  // namespace convoy::cuda
