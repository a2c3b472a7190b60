#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor.h"

namespace convoy {

// Each decodes one picture that lies in memory to 8-bit values in [H, W, C] order. Grey pictures become three
// equal channels where C is 3. With `hwc` null only the header is checked. Throw DataError, naming `path`,
// for a picture of another size, in colour where C is 1, with real transparency, or damaged.

/// Palettes are resolved, 16 bits scaled to 8, an opaque alpha channel dropped; gamma and colour profiles are
/// ignored.
void decode_png(const std::string& path, std::span<const std::uint8_t> bytes, const Shape& expected,
                std::uint8_t* hwc);
/// Decoded in integer arithmetic; the orientation in its metadata is ignored.
void decode_jpeg(const std::string& path, std::span<const std::uint8_t> bytes, const Shape& expected,
                 std::uint8_t* hwc);

/// What both formats have in common: throws DataError unless the picture has the expected size, and channels
/// that can be turned into the expected ones.
void check_picture(const std::string& path, const Shape& expected, std::int64_t height, std::int64_t width,
                   bool in_colour);

}  // namespace convoy
