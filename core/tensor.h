#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace convoy {

/// The type of a tensor's elements.
enum class DType : std::uint8_t { float32, float64 };

constexpr std::size_t size_of(DType type) { return type == DType::float32 ? 4 : 8; }
template <class T>
inline constexpr DType dtype_of = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;

/// The extents of up to four axes. Activations are [H, W, C] or [F] (the shape of one sample; the batch axis
/// comes in front of it and is not part of it), convolution kernels [height, width, in, out], dense kernels
/// [in, out].
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  /// Throws DefectError for more than kMaxRank axes.
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  /// The product of all extents (1 for rank 0). Throws ConfigError where it exceeds 2^62.
  std::int64_t elements() const;
  /// "[32, 32, 3]"
  std::string to_string() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace convoy
