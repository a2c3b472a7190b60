#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

constexpr int kLongs = kVectorBytes / 8;  // counters in a vector
constexpr int kVectors = 2;               // vectors at once, to hide the multiplication's latency
constexpr int kCounters = kLongs * kVectors;
constexpr std::size_t kBlock = 4 * kCounters;  // draws that they give

/// Philox4x32-10 (Salmon et al. 2011) of counters (first + j, position, step), j < kCounters: the words that
/// core/random.h's RandomStream gives, in order. Each 32-bit word has a lane of 64 bits, whose upper half is
/// ignored.
void draw(const DropoutArgs& args, std::uint32_t first, std::uint32_t* words) {
  Longs c0[kVectors], c1[kVectors], c2[kVectors], c3[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    for (int j = 0; j < kLongs; ++j) c0[v][j] = first + static_cast<std::uint32_t>(v * kLongs + j);
    c1[v] = Longs{} + args.position;
    c2[v] = Longs{} + (args.step & 0xffffffff);
    c3[v] = Longs{} + (args.step >> 32);
  }
  std::uint32_t k0 = args.key[0], k1 = args.key[1];
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
    for (int v = 0; v < kVectors; ++v) {
      const Longs p0 = multiply_low(Longs{} + 0xD2511F53, c0[v]),
                  p1 = multiply_low(Longs{} + 0xCD9E8D57, c2[v]);
      c0[v] = (p1 >> 32) ^ c1[v] ^ (Longs{} + k0);
      c1[v] = p1;
      c2[v] = (p0 >> 32) ^ c3[v] ^ (Longs{} + k1);
      c3[v] = p0;
    }
  for (int v = 0; v < kVectors; ++v) {
    const Longs low = (c0[v] & 0xffffffff) | c1[v] << 32, high = (c2[v] & 0xffffffff) | c3[v] << 32;
    for (int j = 0; j < kLongs; ++j) {
      const std::uint64_t counter_words[2] = {low[j], high[j]};
      __builtin_memcpy(words + 4 * (v * kLongs + j), counter_words, sizeof counter_words);
    }
  }
}

}  // namespace

void dropout(const DropoutArgs& args, std::size_t n, const float* __restrict x, float* __restrict y) {
  // uniform_float(word) < rate, in integers.
  const std::uint32_t zeros =
      static_cast<std::uint32_t>(__builtin_ceil(static_cast<double>(args.rate) * 0x1p24));
  const float scale = args.scale;
  std::uint32_t words[kBlock];
  for (std::size_t i = 0; i < n; i += kBlock) {
    draw(args, static_cast<std::uint32_t>(i / 4), words);
    const std::size_t count = n - i < kBlock ? n - i : kBlock;
    for (std::size_t e = 0; e < count; ++e) y[i + e] = words[e] >> 8 < zeros ? 0.0F : x[i + e] * scale;
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
