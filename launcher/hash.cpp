#include "launcher/hash.h"

#include "core/error.h"

namespace convoy {

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

MappedFile map_checkpoint_file(const std::filesystem::path& path) {
  try {
    return MappedFile(path.string(), "name a whole safetensors file");
  } catch (const DataError& error) {
    throw CheckpointError("{}", error.what());
  }
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const MappedFile file = map_checkpoint_file(path);
  return sha256_hex(std::as_bytes(file.bytes()));
}

}  // namespace convoy
