#pragma once

#include <map>
#include <string>
#include <string_view>

#include "launcher/checkpoint.h"

namespace convoy {

/// manifest.json: the state, and size and SHA-256 of each file. It carries a hash of itself.
struct Manifest {
  CheckpointState state;
  std::map<std::string, WrittenFile> files;  ///< by name, without ".safetensors"
};

std::string manifest_text(const Manifest& manifest);
/// Throws CheckpointError, without the file's name, for anything that manifest_text() did not write.
Manifest parse_manifest(std::string_view text);

}  // namespace convoy
