#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/backend.h"

namespace convoy::native {

/// Samples of some slices: where what a kernel reads of each stands, and what it writes.
struct Samples {
  static constexpr std::size_t kMost = 64;
  std::size_t count = 0;
  std::array<const float*, kMost> from;
  std::array<float*, kMost> to;

  std::int64_t size() const { return static_cast<std::int64_t>(count); }
};

inline const float* read_by(const ForwardArgs& args) { return static_cast<const float*>(args.input); }
inline const float* read_by(const BackwardArgs& args) { return static_cast<const float*>(args.grad_output); }
inline float* written_by(const ForwardArgs& args) { return static_cast<float*>(args.output); }
inline float* written_by(const BackwardArgs& args) { return static_cast<float*>(args.grad_input); }

/// Calls work(samples) for all samples of the slices, up to Samples::kMost at a time. `from` and `to` are the
/// elements of one: of its input and output forward, of its output's and its input's gradient backward.
template <class Args>
void each_samples(std::span<const Args> slices, std::int64_t from, std::int64_t to, const auto& work) {
  Samples samples;
  for (const Args& args : slices)
    for (std::int64_t i = 0; i < args.samples; ++i) {
      samples.from[samples.count] = read_by(args) + i * from;
      samples.to[samples.count++] = written_by(args) + i * to;
      if (samples.count < Samples::kMost) continue;
      work(samples);
      samples.count = 0;
    }
  if (samples.count > 0) work(samples);
}

}  // namespace convoy::native
