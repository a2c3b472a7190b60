#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "launcher/safetensors.h"

namespace convoy {

/// One tensor as the header of a safetensors file describes it; nothing of it is checked against the others
/// yet.
struct HeaderEntry {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::array<std::uint64_t, 2> offsets{};  ///< first and last + 1, from the end of the header
};

struct Header {
  std::vector<HeaderEntry> entries;
  Metadata metadata;
};

/// Parses the header's JSON and nothing else than what the format allows, in memory proportional to the text.
/// Throws CheckpointError without the file's name.
Header parse_safetensors_header(std::string_view json);

/// A name as it may stand in a message: quoted, control characters escaped, cut to a readable length.
std::string quoted_name(std::string_view name);

}  // namespace convoy
