#include "core/data/gzip.h"

#include <algorithm>
#include <utility>
#include <zlib.h>

#include "core/error.h"

namespace convoy {

namespace {
// zlib counts in unsigned int.
constexpr std::size_t kChunk = std::size_t{1} << 30;
constexpr int kGzipWindow = 15 + 16;
}  // namespace

bool is_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

GzipReader::GzipReader(std::string path, std::span<const std::uint8_t> compressed)
    : path_(std::move(path)), rest_(compressed), stream_(new z_stream_s{}) {
  require(inflateInit2(stream_.get(), kGzipWindow) == Z_OK, "zlib cannot be set up");
}

std::size_t GzipReader::read(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size() && !ended_) {
    const std::size_t in_size = std::min(rest_.size(), kChunk);
    const std::size_t out_size = std::min(out.size() - filled, kChunk);
    stream_->next_in = const_cast<Bytef*>(rest_.data());
    stream_->avail_in = static_cast<uInt>(in_size);
    stream_->next_out = out.data() + filled;
    stream_->avail_out = static_cast<uInt>(out_size);
    const int result = inflate(stream_.get(), Z_NO_FLUSH);
    const std::size_t consumed = in_size - stream_->avail_in;
    const std::size_t produced = out_size - stream_->avail_out;
    rest_ = rest_.subspan(consumed);
    filled += produced;
    if (result == Z_STREAM_END) {
      ended_ = true;
      if (!rest_.empty())
        throw DataError("{}: {} bytes follow the gzip data; get the file again", path_, rest_.size());
    } else if (result == Z_BUF_ERROR || (result == Z_OK && rest_.empty() && produced == 0)) {
      throw DataError("{}: the gzip data is truncated; get the file again", path_);
    } else if (result != Z_OK) {
      const char* reason = stream_->msg != nullptr ? stream_->msg : "unknown reason";
      throw DataError("{}: the gzip data is damaged ({}); get the file again", path_, reason);
    }
  }
  return filled;
}

void GzipReader::Free::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

}  // namespace convoy
