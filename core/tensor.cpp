#include "core/tensor.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/error.h"

namespace convoy {

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  require(extents.size() <= kMaxRank, "a shape has at most four axes");
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t extent : extents()) {
    if (__builtin_mul_overflow(product, extent, &product) || product > (std::int64_t{1} << 62))
      throw ConfigError("a tensor of shape {} has more elements than can be counted", to_string());
  }
  return product;
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(extents(), ", ")); }

}  // namespace convoy
