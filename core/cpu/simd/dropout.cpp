#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

constexpr int kCounters = 16;                  // handled at once
constexpr std::size_t kBlock = 4 * kCounters;  // draws that they give

/// Philox4x32-10 (Salmon et al. 2011) of counters (first + j, position, step), j < kCounters: the words that
/// core/random.h's RandomStream gives, in order.
void draw(const DropoutArgs& args, std::uint32_t first, std::uint32_t* __restrict words) {
  std::uint32_t c0[kCounters], c1[kCounters], c2[kCounters], c3[kCounters];
  for (int j = 0; j < kCounters; ++j) {
    c0[j] = first + static_cast<std::uint32_t>(j);
    c1[j] = args.position;
    c2[j] = static_cast<std::uint32_t>(args.step);
    c3[j] = static_cast<std::uint32_t>(args.step >> 32);
  }
  std::uint32_t k0 = args.key[0], k1 = args.key[1];
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < kCounters; ++j) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0[j], p1 = std::uint64_t{0xCD9E8D57} * c2[j];
      c0[j] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[j] ^ k0;
      c1[j] = static_cast<std::uint32_t>(p1);
      c2[j] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[j] ^ k1;
      c3[j] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int j = 0; j < kCounters; ++j) {
    words[4 * j] = c0[j];
    words[4 * j + 1] = c1[j];
    words[4 * j + 2] = c2[j];
    words[4 * j + 3] = c3[j];
  }
}

/// The word's upper 24 bits as a number in [0, 1), as uniform_float of core/random.h.
CONVOY_INLINE float uniform(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F;
}

}  // namespace

void dropout(const DropoutArgs& args, std::size_t n, const float* __restrict x, float* __restrict y) {
  const float rate = args.rate, scale = args.scale;
  std::uint32_t words[kBlock];
  for (std::size_t i = 0; i < n; i += kBlock) {
    draw(args, static_cast<std::uint32_t>(i / 4), words);
    const std::size_t count = n - i < kBlock ? n - i : kBlock;
    for (std::size_t e = 0; e < count; ++e) y[i + e] = uniform(words[e]) < rate ? 0.0F : x[i + e] * scale;
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
