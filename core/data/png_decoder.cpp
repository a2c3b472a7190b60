#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <png.h>
#include <vector>

#include "core/data/image_decoders.h"
#include "core/error.h"

namespace convoy {

namespace {

/// What libpng's callbacks see.
struct Source {
  std::span<const std::uint8_t> rest;
  char message[128] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof source->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->rest.size()) png_error(png, "the file is truncated");
  std::memcpy(out, source->rest.data(), count);
  source->rest = source->rest.subspan(count);
}

class PngReader {
 public:
  PngReader(const std::string& path, std::span<const std::uint8_t> bytes) : path_(path) {
    source_.rest = bytes;
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw DataError("{}: libpng cannot be set up", path_);
    }
    // What lies beside the picture (texts, profiles) is not needed: bound what it may inflate to.
    png_set_chunk_malloc_max(png_, 1 << 20);
    png_set_chunk_cache_max(png_, 16);
    png_set_read_fn(png_, &source_, read_bytes);
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  /// Calls libpng, whose errors jump back here; `calls` must own nothing that needs destroying.
  template <class Calls>
  void run(const Calls& calls) {
    if (!jumps_back(calls)) throw DataError("{}: is a damaged PNG file: {}", path_, source_.message);
  }

  png_structp png() { return png_; }
  png_infop info() { return info_; }

 private:
  template <class Calls>
  bool jumps_back(const Calls& calls) {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    calls(png_, info_);
    return true;
  }

  const std::string& path_;
  Source source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

/// Copies the pixels without their last channel, alpha, which must be opaque.
void drop_alpha(const std::string& path, const std::vector<std::uint8_t>& pixels, std::size_t channels,
                std::uint8_t* hwc) {
  for (std::size_t i = 0; i < pixels.size(); i += channels + 1) {
    if (pixels[i + channels] != 255) {
      throw DataError("{}: has transparent pixels; flatten it onto a background first", path);
    }
    hwc = std::copy_n(pixels.data() + i, channels, hwc);
  }
}

}  // namespace

void decode_png(const std::string& path, std::span<const std::uint8_t> bytes, const Shape& expected,
                std::uint8_t* hwc) {
  PngReader reader(path, bytes);
  reader.run([](png_structp png, png_infop info) { png_read_info(png, info); });
  const auto height = static_cast<std::size_t>(png_get_image_height(reader.png(), reader.info()));
  const auto width = static_cast<std::size_t>(png_get_image_width(reader.png(), reader.info()));
  const auto type = png_get_color_type(reader.png(), reader.info());
  const bool in_colour = (type & PNG_COLOR_MASK_COLOR) != 0;
  check_picture(path, expected, static_cast<std::int64_t>(height), static_cast<std::int64_t>(width),
                in_colour);
  if (hwc == nullptr) return;

  const auto channels = static_cast<std::size_t>(expected[2]);
  reader.run([=](png_structp png, png_infop info) {
    png_set_expand(png);  // palettes, fewer than 8 bits, transparent colours
    png_set_scale_16(png);
    if (!in_colour && channels == 3) png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  const std::size_t found_channels = png_get_channels(reader.png(), reader.info());
  const bool has_alpha = found_channels == channels + 1;
  require(has_alpha || found_channels == channels,
          "libpng gives another number of channels than it was asked for");

  const std::size_t row_bytes = width * found_channels;
  std::vector<std::uint8_t> with_alpha(has_alpha ? height * row_bytes : 0);
  std::uint8_t* pixels = has_alpha ? with_alpha.data() : hwc;
  std::vector<png_bytep> rows(height);
  for (std::size_t y = 0; y < height; ++y) rows[y] = pixels + y * row_bytes;
  png_bytepp row_pointers = rows.data();
  reader.run([=](png_structp png, png_infop) {
    png_read_image(png, row_pointers);
    png_read_end(png, nullptr);
  });
  if (has_alpha) drop_alpha(path, with_alpha, channels, hwc);
}

}  // namespace convoy
