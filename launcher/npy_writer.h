#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "launcher/atomic_file.h"

namespace convoy {

/// Writes a float32 array [rows, columns] to a .npy file, some rows at a time. The file appears when it is
/// complete: destroyed before commit(), nothing is left. Throws CheckpointError where the disk refuses.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, std::int64_t rows, std::int64_t columns);

  /// The next values in row order.
  void append(std::span<const float> values);
  /// REQUIRES: rows * columns values were appended.
  void commit();

 private:
  AtomicFile file_;
  std::int64_t missing_;  ///< values
};

}  // namespace convoy
