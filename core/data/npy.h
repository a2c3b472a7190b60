#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace convoy {

// NumPy's .npy format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/// An array of 8-bit unsigned values in C order, as it lies in a file.
struct NpyBytes {
  std::vector<std::int64_t> shape;
  std::span<const std::uint8_t> values;  ///< a part of the file
};

bool is_npy(std::span<const std::uint8_t> file);

/// Throws DataError, naming `path`, for a file that is damaged or holds another type or order.
NpyBytes parse_npy_bytes(const std::string& path, std::span<const std::uint8_t> file);

/// What stands before rows * columns little-endian floats in C order.
std::string npy_header(std::int64_t rows, std::int64_t columns);

}  // namespace convoy
