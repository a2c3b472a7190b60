#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/sha256.h"

namespace convoy {

/// SHA-256 of bytes at hand, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
/// Throws CheckpointError where the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace convoy
