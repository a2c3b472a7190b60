#include "launcher/machine_peaks.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <unistd.h>
#include <vector>

#include "core/arena.h"
#include "launcher/memory.h"

namespace convoy {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr auto kBursts = 8;
constexpr auto kPasses = 3;

double seconds_of(const auto& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The best of a few bursts of some milliseconds: what interrupts one of them is not the machine's doing.
double flops_of(const simd::Table& loops) {
  constexpr std::int64_t kRounds = 300'000;
  float sink[16];
  double best = 0;
  for (int burst = 0; burst < kBursts; ++burst) {
    double flops = 0;
    const double seconds = seconds_of([&] { flops = loops.multiply_adds(kRounds, 0.5F, sink); });
    best = std::max(best, flops / seconds);
  }
  return best;
}

/// Memory for a worker: twice the last cache's share, within what can be walked through in moments, and is
/// free.
std::size_t stream_bytes(int workers_on_host) {
  const auto workers = static_cast<std::size_t>(std::max(workers_on_host, 1));
  const auto cache = static_cast<std::size_t>(std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), 0L));
  const std::size_t wanted = std::clamp(2 * cache / workers, 64 * kMegabyte, 256 * kMegabyte);
  const auto free = static_cast<std::size_t>(free_memory());
  return std::max(std::min(wanted, free / (8 * workers)), kMegabyte);
}

double bytes_of(const simd::Table& loops, Arena& arena) {
  const auto values = arena.as<float>();
  std::ranges::fill(values, 1.0F);
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const double seconds = seconds_of(
        [&] { loops.activation_forward(simd::Curve::relu, 0, values.size(), values.data(), values.data()); });
    best = std::max(best, 2 * static_cast<double>(arena.size()) / seconds);
  }
  return best;
}

}  // namespace

MachinePeaks measure_peaks(WorkerPool& pool, const simd::Table& loops, int workers_on_host) {
  const auto workers = static_cast<std::size_t>(pool.workers());
  std::vector<double> flops(workers), bytes(workers);
  std::vector<Arena> arenas;
  for (std::size_t i = 0; i < workers; ++i) arenas.emplace_back(stream_bytes(workers_on_host));
  pool.run(pool.workers(),
           [&](int, std::int64_t i) { flops[static_cast<std::size_t>(i)] = flops_of(loops); });
  pool.run(pool.workers(), [&](int, std::int64_t i) {
    bytes[static_cast<std::size_t>(i)] = bytes_of(loops, arenas[static_cast<std::size_t>(i)]);
  });
  const auto mean = [&](const std::vector<double>& values) {
    return std::reduce(values.begin(), values.end()) / static_cast<double>(workers);
  };
  return {mean(flops), mean(bytes)};
}

}  // namespace convoy
