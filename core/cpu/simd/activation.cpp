#include "core/cpu/simd/functions.h"
#include "core/cpu/simd/vector.h"
#include "core/math.h"

// Without fused multiply-adds: every instruction set gives the same bits.

namespace convoy::simd::CONVOY_SIMD_ISA {

namespace {

constexpr float kSqrtHalf = 0x1.6a09e6p-1F;   // sqrt(1 / 2)
constexpr float kDensity = 0x1.988454p-2F;    // 1 / sqrt(2 pi)
constexpr float kTanhScale = 0x1.988454p-1F;  // sqrt(2 / pi), as Hendrycks and Gimpel (2016)
constexpr float kTanhCubic = 0.044715F;

/// The normal distribution's cumulative function, exactly or by the tanh formula, and the slope of x *
/// cumulative.
CONVOY_INLINE float cumulative(float x) { return 0.5F * math::erfc(-x * kSqrtHalf); }
CONVOY_INLINE float gelu_slope(float x) { return cumulative(x) + x * (kDensity * math::exp(-0.5F * x * x)); }
CONVOY_INLINE float tanh_cumulative(float x) {
  return math::sigmoid(2.0F * kTanhScale * (x + kTanhCubic * x * x * x));
}
CONVOY_INLINE float gelu_tanh_slope(float x) {
  const float c = tanh_cumulative(x);
  return c + x * (2.0F * kTanhScale * c * (1.0F - c) * (1.0F + 3.0F * kTanhCubic * x * x));
}

template <class Function>
CONVOY_INLINE void map(std::size_t n, const float* x, float* y, const Function& function) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) y[i] = function(x[i]);
}
/// dx = dy * slope(at)
template <class Slope>
CONVOY_INLINE void multiply(std::size_t n, const float* at, const float* dy, float* dx, const Slope& slope) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] * slope(at[i]);
}

}  // namespace

void activation_forward(Curve curve, float slope, std::size_t n, const float* x, float* y) {
  switch (curve) {
    case Curve::linear:
      return map(n, x, y, [](float v) { return v; });
    case Curve::relu:
      return map(n, x, y, [](float v) { return v <= 0.0F ? 0.0F : v; });
    case Curve::leaky_relu:
      return map(n, x, y, [slope](float v) { return v > 0.0F ? v : v * slope; });
    case Curve::gelu:
      return map(n, x, y, [](float v) { return v * cumulative(v); });
    case Curve::gelu_tanh:
      return map(n, x, y, [](float v) { return v * tanh_cumulative(v); });
    case Curve::tanh:
      return map(n, x, y, [](float v) { return math::tanh(v); });
    case Curve::sigmoid:
      return map(n, x, y, [](float v) { return math::sigmoid(v); });
  }
}

void activation_backward(Curve curve, float slope, std::size_t n, const float* x, const float* y,
                         const float* dy, float* dx) {
  switch (curve) {
    case Curve::linear:
      return map(n, dy, dx, [](float v) { return v; });
    case Curve::relu: {
#pragma GCC ivdep
      for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
      return;
    }
    case Curve::leaky_relu:
      return multiply(n, x, dy, dx, [slope](float v) { return v > 0.0F ? 1.0F : slope; });
    case Curve::gelu:
      return multiply(n, x, dy, dx, [](float v) { return gelu_slope(v); });
    case Curve::gelu_tanh:
      return multiply(n, x, dy, dx, [](float v) { return gelu_tanh_slope(v); });
    case Curve::tanh:
      return multiply(n, y, dy, dx, [](float v) { return 1.0F - v * v; });
    case Curve::sigmoid:
      return multiply(n, y, dy, dx, [](float v) { return v * (1.0F - v); });
  }
}

void softmax_forward(std::int64_t rows, std::int64_t width, const float* x, float* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += width, y += width) {
    float largest = x[0];
    for (std::int64_t i = 1; i < width; ++i) largest = x[i] > largest ? x[i] : largest;
    for (std::int64_t i = 0; i < width; ++i) y[i] = math::exp(x[i] - largest);
    double sum = 0;
    for (std::int64_t i = 0; i < width; ++i) sum += static_cast<double>(y[i]);
    const float scale = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < width; ++i) y[i] *= scale;
  }
}

void softmax_backward(std::int64_t rows, std::int64_t width, const float* y, const float* dy, float* dx) {
  for (std::int64_t row = 0; row < rows; ++row, y += width, dy += width, dx += width) {
    double dot = 0;
    for (std::int64_t i = 0; i < width; ++i) dot += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
    const float mean = static_cast<float>(dot);
    for (std::int64_t i = 0; i < width; ++i) dx[i] = y[i] * (dy[i] - mean);
  }
}

}  // namespace convoy::simd::CONVOY_SIMD_ISA
