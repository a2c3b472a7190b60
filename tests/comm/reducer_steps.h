#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <latch>
#include <limits>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "comm/gradient_reducer.h"
#include "core/cpu/isa.h"

/// Steps of a small network's gradients through a reducer, on any communicator, and what they must give to
/// the bit.
namespace convoy::reducer_steps {

inline std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// Layers of kernel and bias, with a few elements of padding behind.
inline const std::vector<std::int64_t> kTensors{0, 5'000, 5'056, 25'056, 25'184, 26'464};
inline const std::vector<std::int64_t> kLayers{0, 5'056, 25'184};
inline constexpr std::int64_t kElements = 26'480;

inline constexpr std::int64_t kSteps = 3;

/// A slice's gradient in a step: of both signs and all sizes up to the limit; some below the sum's
/// resolution.
inline std::vector<float> draw_gradient(std::int64_t number) {
  std::vector<float> values(index(kElements));
  for (std::int64_t i = 0; i < kElements; ++i) {
    const auto mixed = static_cast<std::uint64_t>(number * kElements + i + 1) * 0x9E3779B97F4A7C15;
    const float mantissa = static_cast<float>(static_cast<std::int32_t>(mixed >> 40) - (1 << 23)) * 0x1p-23F;
    values[index(i)] = std::ldexp(mantissa, static_cast<int>(mixed % 61) - 50);
  }
  return values;
}
inline std::span<const float> gradient_of(std::int64_t step, std::int64_t slice) {
  constexpr std::int64_t kSlices = 8;
  static const auto all = [] {
    std::vector<std::vector<float>> gradients;
    for (std::int64_t number = 0; number < kSteps * kSlices; ++number)
      gradients.push_back(draw_gradient(number));
    return gradients;
  }();
  return all[index(step * kSlices + slice)];
}

struct Setup {
  GradientReducer::Mode mode = GradientReducer::Mode::exact;
  std::int64_t slices = 8;
  int threads = 1;
  std::optional<std::int64_t> bucket_bytes{};
  bool parts = false;   ///< whether kParts comes in parts
  bool shared = false;  ///< whether ranks of one host exchange through its memory
};

/// The kernel of the middle layer: longer than a stripe, and not the only one of its layer.
inline constexpr BucketPlan::Range kParts{5'056, 25'056};

inline std::int64_t first_slice(std::int64_t slices, int ranks, int rank) { return rank * slices / ranks; }

/// The slices of the global batch that a rank has in a step; every third step is a short batch with slices 1
/// and 6 only.
inline std::vector<std::int64_t> slices_of(const Setup& setup, std::int64_t step, int ranks, int rank) {
  std::vector<std::int64_t> slices;
  for (std::int64_t i = first_slice(setup.slices, ranks, rank);
       i < first_slice(setup.slices, ranks, rank + 1); ++i)
    if (step + 1 < kSteps || i == 1 || i == 6) slices.push_back(i);
  // In an order of its own on each rank.
  std::rotate(slices.begin(),
              slices.begin() + static_cast<std::ptrdiff_t>(index(step + rank) % (slices.size() + 1)),
              slices.end());
  return slices;
}

/// What the slices of one rank sum to.
inline std::vector<float> local_sum(const std::vector<std::int64_t>& slices, std::int64_t step) {
  std::vector<std::int64_t> sums(index(kElements), 0);
  std::vector<float> floats;
  for (std::int64_t slice : slices)
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += std::llrint(static_cast<double>(gradient_of(step, slice)[i]) * 0x1p44);
  for (std::int64_t sum : sums) floats.push_back(static_cast<float>(static_cast<double>(sum) * 0x1p-44));
  return floats;
}

/// `hosts`: those whose ranks add up integers, for each rank; the ranks of one follow each other.
inline std::vector<float> expected_gradient(const Setup& setup, std::span<const int> hosts,
                                            std::int64_t step) {
  const int ranks = static_cast<int>(hosts.size());
  std::vector<std::vector<std::int64_t>> slices;  // of each host
  for (int rank = 0; rank < ranks; ++rank) {
    const bool exact = setup.mode == GradientReducer::Mode::exact;
    if (rank == 0 || !(exact || hosts[index(rank)] == hosts[index(rank - 1)])) slices.emplace_back();
    const auto more = slices_of(setup, step, ranks, rank);
    slices.back().insert(slices.back().end(), more.begin(), more.end());
  }
  std::vector<float> sums = local_sum(slices.front(), step);
  for (std::size_t host = 1; host < slices.size(); ++host) {
    const std::vector<float> next = local_sum(slices[host], step);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += next[i];
  }
  return sums;
}
inline std::vector<float> expected_gradient(const Setup& setup, int ranks, std::int64_t step) {
  std::vector<int> hosts(index(ranks));
  std::iota(hosts.begin(), hosts.end(), 0);
  return expected_gradient(setup, hosts, step);
}

/// Sums and sets kParts part by part, when all slices have passed their backward.
inline bool form_parts(GradientReducer& reducer, const std::vector<std::int64_t>& slices, std::int64_t step) {
  constexpr std::int64_t kPart = 3'000;
  bool all_summed = true;
  for (std::int64_t begin = kParts.begin; begin < kParts.end && !slices.empty(); begin += kPart) {
    std::vector<std::int64_t> sum(index(std::min(kPart, kParts.end - begin)), 0);
    for (std::int64_t slice : slices)
      all_summed &= loops_of(widest_isa())
                        .accumulate_exact(sum.data(), gradient_of(step, slice).data() + begin, sum.size(),
                                          reducer.limit());
    reducer.set(begin, sum);
  }
  for (std::size_t i = 0; i < slices.size(); ++i) reducer.passed(kParts.begin);
  return all_summed;
}

/// Runs backward of these slices in the workers, each taking the next slice.
inline bool run_backward(GradientReducer& reducer, const std::vector<std::int64_t>& slices, std::int64_t step,
                         const Setup& setup) {
  const int threads = setup.threads;
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> all_summed = true;
  std::latch together(threads);
  const auto worker = [&] {
    together.arrive_and_wait();
    for (std::size_t mine = next++; mine < slices.size(); mine = next++) {
      std::int64_t end = kElements;
      for (auto layer = kLayers.rbegin(); layer != kLayers.rend(); ++layer) {
        for (std::size_t t = kTensors.size(); t-- > 0;) {
          const std::int64_t begin = kTensors[t],
                             tensor_end = t + 1 < kTensors.size() ? kTensors[t + 1] : kElements;
          if (begin < *layer || begin >= end || (setup.parts && begin == kParts.begin)) continue;
          if (!reducer.add(begin,
                           gradient_of(step, slices[mine]).subspan(index(begin), index(tensor_end - begin))))
            all_summed = false;
        }
        if (!setup.parts || *layer != kParts.begin) reducer.passed(*layer);
        end = *layer;
      }
    }
  };
  std::vector<std::thread> workers;
  for (int i = 1; i < threads; ++i) workers.emplace_back(worker);
  worker();
  for (std::thread& thread : workers) thread.join();
  if (setup.parts) all_summed = form_parts(reducer, slices, step) && all_summed;
  return all_summed;
}

inline GradientReducer make_reducer(Communicator& ranks, const Setup& setup, HostGroup* hosts = nullptr) {
  return GradientReducer(
      ranks.duplicate(), BucketPlan(kTensors, kLayers, kElements, ranks.size(), setup.bucket_bytes),
      setup.mode, setup.slices, loops_of(widest_isa()), std::span(&kParts, setup.parts ? 1 : 0), hosts);
}

inline std::unique_ptr<HostGroup> join_hosts(Communicator& ranks) {
  return HostGroup::join(ranks, kElements, [](const std::string& text) { ADD_FAILURE() << text; });
}

/// Those of the ranges that this rank owns, indexed as the arena; NaN elsewhere.
inline std::vector<float> owned_gradients(GradientReducer& reducer) {
  std::vector<float> gradients(index(kElements), std::numeric_limits<float>::quiet_NaN());
  std::vector<float> room(kNormBlock);
  for (std::size_t i = 0; i < reducer.owned_blocks().size(); ++i)
    std::ranges::copy(reducer.gradient(i, room), gradients.begin() + reducer.owned_blocks()[i].begin);
  return gradients;
}

inline double squared_norm(GradientReducer& reducer) {
  for (std::size_t i = 0; i < reducer.owned_blocks().size(); ++i) reducer.measure(i);
  return reducer.squared_norm();
}

/// Takes steps and checks the gradients of the owned ranges, handed round as weights are; returns the squared
/// norms, which all ranks must share.
inline std::vector<double> run_steps(Communicator& ranks, const Setup& setup) {
  const auto hosts = setup.shared ? join_hosts(ranks) : nullptr;
  GradientReducer reducer = make_reducer(ranks, setup, hosts.get());
  std::vector<double> norms;
  std::vector<float> own_weights(index(kElements), -1.0F);
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const auto slices = slices_of(setup, step, ranks.size(), ranks.rank());
    reducer.begin_step(static_cast<std::int64_t>(slices.size()));
    EXPECT_TRUE(run_backward(reducer, slices, step, setup));
    reducer.finish();
    // Clipping or not, the gradients are the same.
    const std::vector<float> before = owned_gradients(reducer);
    norms.push_back(squared_norm(reducer));
    const std::vector<float> gradients = owned_gradients(reducer);
    EXPECT_EQ(std::memcmp(gradients.data(), before.data(), index(kElements) * sizeof(float)), 0);

    const std::span<float> weights =
        hosts ? hosts->weights(static_cast<int>(step % 2)) : std::span(own_weights);
    for (const auto& range : reducer.owned())
      for (std::size_t i = index(range.begin); i < index(range.end); ++i) weights[i] = gradients[i];
    reducer.share_weights(weights);
    const std::vector<float> expected =
        hosts ? expected_gradient(setup, ranks.hosts(), step) : expected_gradient(setup, ranks.size(), step);
    EXPECT_EQ(std::memcmp(weights.data(), expected.data(), weights.size_bytes()), 0)
        << "rank " << ranks.rank() << " of " << ranks.size() << " in step " << step;
  }
  return norms;
}

}  // namespace convoy::reducer_steps
