#include "launcher/hash.h"

#include "launcher/file_mapping.h"

namespace convoy {

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string sha256_hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

std::string sha256_of_file(const std::filesystem::path& path) {
  return sha256_hex(FileMapping(path).bytes());
}

}  // namespace convoy
