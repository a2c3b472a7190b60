#include "core/cuda/kernels/dropout.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"
#include "core/random.h"

namespace convoy::cuda {

namespace {

/// A thread for the four elements that share a draw.
template <class T>
struct DropOut {
  std::int64_t size, draws;  ///< of a sample
  float rate, scale;
  std::uint32_t layer;
  const StepValues* step;
  std::int64_t first_position;
  const T* from;
  T* to;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t sample = i / draws, draw = i % draws;
    const RandomStream stream(step->seed, RandomPurpose::dropout, layer);
    const auto words = stream(step->step, static_cast<std::uint32_t>(first_position + sample),
                              static_cast<std::uint32_t>(draw));
    for (unsigned k = 0; k < 4; ++k) {
      const std::int64_t element = 4 * draw + k;
      if (element >= size) return;
      const bool zero = uniform_float(words[k]) < rate;
      const std::int64_t at = sample * size + element;
      to[at] = T(zero ? 0.0F : static_cast<float>(from[at]) * scale);
    }
  }
};

}  // namespace

void drop_out(const Stream& stream, Storage storage, const Op& op, std::int64_t samples,
              const StepValues* step, std::int64_t first_position, const void* from, void* to) {
  const double rate = std::get<DropoutOp>(op.kind).rate;
  const std::int64_t size = op.input.elements(), draws = (size + 3) / 4;
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * draws,
           DropOut<T>{size, draws, static_cast<float>(rate), static_cast<float>(1 / (1 - rate)),
                      static_cast<std::uint32_t>(op.layer), step, first_position, static_cast<const T*>(from),
                      static_cast<T*>(to)});
  });
}

}  // namespace convoy::cuda
