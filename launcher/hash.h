#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/data/mapped_file.h"
#include "core/sha256.h"

namespace convoy {

/// SHA-256 of bytes at hand, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);

/// Maps a file of weights or of a checkpoint. Throws CheckpointError for one that is missing, empty or not
/// readable.
MappedFile map_checkpoint_file(const std::filesystem::path& path);
/// Throws as map_checkpoint_file().
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace convoy
