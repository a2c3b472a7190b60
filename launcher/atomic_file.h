#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace convoy {

/// errno after a failed write, as an error that says what to do; a full disk says how much is free.
CheckpointError write_error(const std::filesystem::path& path);

/// A file being written under its own name. All members throw CheckpointError that names the file, the
/// system's words and what to do; a full disk says how much is free.
class OutputFile {
 public:
  /// Creates the file, or empties one that exists. Errors call it `shown`.
  OutputFile(std::filesystem::path path, std::filesystem::path shown);
  explicit OutputFile(const std::filesystem::path& path) : OutputFile(path, path) {}

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Waits until the bytes are on the disk, and closes the file.
  void close();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path shown_;
  FileDescriptor file_;
};

/// Stands in the name of every file that is not whole yet; such names begin with a dot.
inline constexpr std::string_view kTemporaryMark = ".tmp-";

/// A file that appears under its name whole or not at all: written beside it, synced, renamed, the directory
/// synced. Destroyed without commit(), it leaves nothing, and what stood under the name before stays.
class AtomicFile {
 public:
  /// Throws CheckpointError, also where a device, a pipe or a socket would be replaced.
  explicit AtomicFile(std::filesystem::path path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  OutputFile& output() { return output_; }
  /// Replaces what stands under the name. Throws CheckpointError.
  void commit();

 private:
  std::filesystem::path path_;
  OutputFile output_;
  bool committed_ = false;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Makes entries of a directory (created, renamed, removed) survive a loss of power. Throws CheckpointError.
void sync_directory(const std::filesystem::path& directory);
/// Renames within one file system, and syncs both directories. Throws CheckpointError.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace convoy
