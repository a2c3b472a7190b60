#include "launcher/npy_writer.h"

#include <bit>

#include "core/data/npy.h"
#include "core/error.h"

namespace convoy {

NpyWriter::NpyWriter(const std::filesystem::path& path, std::int64_t rows, std::int64_t columns)
    : file_(path), missing_(rows * columns) {
  static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");
  file_.output().write(npy_header(rows, columns));
}

void NpyWriter::append(std::span<const float> values) {
  missing_ -= static_cast<std::int64_t>(values.size());
  require(missing_ >= 0, "more values for a .npy file than it has room for");
  file_.output().write(std::as_bytes(values));
}

void NpyWriter::commit() {
  require(missing_ == 0, "a .npy file lacks values");
  file_.commit();
}

}  // namespace convoy
