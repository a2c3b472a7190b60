#include "launcher/version.h"

#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <span>
#include <string_view>

#include "comm/world.h"
#include "launcher/build_facts.h"
#include "launcher/hash.h"

namespace convoy {
namespace {

std::string hexadecimal(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

/// The descriptor of the note "GNU", type NT_GNU_BUILD_ID, in a segment of notes; empty where there is none.
std::string build_id_in(std::span<const std::byte> notes) {
  const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
  ElfW(Nhdr) header;
  while (notes.size() >= sizeof(header)) {
    std::memcpy(&header, notes.data(), sizeof(header));
    const std::size_t begin = sizeof(header) + padded(header.n_namesz);
    const std::size_t end = begin + header.n_descsz;
    if (end > notes.size()) break;
    const std::string_view name(reinterpret_cast<const char*>(notes.data()) + sizeof(header),
                                header.n_namesz);
    if (header.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
      return hexadecimal(notes.subspan(begin, header.n_descsz));
    }
    if (padded(end) > notes.size()) break;
    notes = notes.subspan(padded(end));
  }
  return "";
}

/// Called for each loaded object, the program itself first.
int find_build_id(dl_phdr_info* object, std::size_t, void* result) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const std::byte*>(object->dlpi_addr + segment.p_vaddr);
    std::string id = build_id_in({notes, segment.p_memsz});
    if (!id.empty()) *static_cast<std::string*>(result) = std::move(id);
  }
  return 1;
}

}  // namespace

std::string short_version() { return fmt::format("{} ({})", build::kVersion, build::kCommit); }

std::string build_id() {
  std::string id;
  ::dl_iterate_phdr(find_build_id, &id);
  return id.empty() ? sha256_of_file("/proc/self/exe") : id;
}

std::string version_text() {
  const std::string_view onednn = build::kOneDnn, cuda = build::kCuda;
  return fmt::format(
      "convoy {} (commit {})\n"
      "built as {} by {} for {}\n"
      "OpenBLAS {}, oneDNN {}\n"
      "CUDA {}\n"
      "{}\n"
      "backends: cpu\n"
      "build ID {}",
      build::kVersion, build::kCommit, build::kType, build::kCompiler, build::kSystem, build::kOpenBlas,
      onednn.empty() ? "not built in" : onednn, cuda.empty() ? "not built in" : cuda, World::library(),
      build_id());
}

}  // namespace convoy
