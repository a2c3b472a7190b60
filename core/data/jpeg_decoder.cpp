#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE
#include <jpeglib.h>

#include "core/data/image_decoders.h"
#include "core/error.h"

namespace convoy {

namespace {

/// libjpeg's error manager, and what we add to it.
struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg hands out a pointer to it
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

/// libjpeg goes on after what it calls corrupt data, with grey or with noise: nothing to predict from.
void on_message(j_common_ptr info, int level) {
  if (level < 0) on_error(info);
}

class JpegReader {
 public:
  explicit JpegReader(const std::string& path) : path_(path) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = on_error;
    errors_.base.emit_message = on_message;
    run([](jpeg_decompress_struct* info) { jpeg_create_decompress(info); });
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  /// Calls libjpeg, whose errors jump back here; `calls` must own nothing that needs destroying.
  template <class Calls>
  void run(const Calls& calls) {
    if (!jumps_back(calls)) throw DataError("{}: is a damaged JPEG file: {}", path_, errors_.message);
  }

  const jpeg_decompress_struct& info() const { return info_; }

 private:
  template <class Calls>
  bool jumps_back(const Calls& calls) {
    if (setjmp(errors_.back) != 0) return false;
    calls(&info_);
    return true;
  }

  const std::string& path_;
  jpeg_decompress_struct info_{};
  ErrorManager errors_{};
};

}  // namespace

void decode_jpeg(const std::string& path, std::span<const std::uint8_t> bytes, const Shape& expected,
                 std::uint8_t* hwc) {
  JpegReader reader(path);
  reader.run([=](jpeg_decompress_struct* info) {
    jpeg_mem_src(info, bytes.data(), bytes.size());
    jpeg_read_header(info, TRUE);
  });
  const auto components = reader.info().num_components;
  if (components != 1 && components != 3) {
    throw DataError("{}: has {} colour components (CMYK?), expected 1 or 3; save it as RGB", path,
                    components);
  }
  check_picture(path, expected, reader.info().image_height, reader.info().image_width, components == 3);
  if (hwc == nullptr) return;

  const auto row_bytes = expected[1] * expected[2];
  const bool three_channels = expected[2] == 3;
  reader.run([=](jpeg_decompress_struct* info) {
    info->out_color_space = three_channels ? JCS_RGB : JCS_GRAYSCALE;
    info->dct_method = JDCT_ISLOW;  // the same bits with and without vector instructions
    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
      JSAMPROW row = hwc + info->output_scanline * row_bytes;
      jpeg_read_scanlines(info, &row, 1);
    }
    jpeg_finish_decompress(info);
  });
}

}  // namespace convoy
