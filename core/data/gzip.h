#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct z_stream_s;

namespace convoy {

/// True for bytes that begin like a gzip file.
bool is_gzip(std::span<const std::uint8_t> bytes);

/// Inflates one gzip member that lies in memory. Throws DataError, naming `path`, for damaged data.
class GzipReader {
 public:
  GzipReader(std::string path, std::span<const std::uint8_t> compressed);

  /// Fills `out`; returns how much of it, less than all of it only at the end of the data.
  std::size_t read(std::span<std::uint8_t> out);
  /// The most bytes that so many compressed bytes can hold: deflate's limit is 1032 to 1.
  static std::uint64_t most_inflated(std::size_t compressed) { return std::uint64_t{compressed} * 1032; }

 private:
  struct Free {
    void operator()(z_stream_s* stream) const noexcept;
  };

  std::string path_;
  std::span<const std::uint8_t> rest_;
  std::unique_ptr<z_stream_s, Free> stream_;
  bool ended_ = false;
};

}  // namespace convoy
