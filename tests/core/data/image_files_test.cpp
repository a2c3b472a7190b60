#include "core/data/image_files.h"

#include <algorithm>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <png.h>

#include "core/data/npy.h"
#include "tests/core/data/files.h"

namespace convoy {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr int kHeight = 5, kWidth = 7;
const Shape kColour{kHeight, kWidth, 3}, kGrey{kHeight, kWidth, 1};

Bytes pixels(std::size_t channels) {
  Bytes values(kHeight * kWidth * channels);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * 5 + i / 3);
  return values;
}

struct PngKind {
  int colour_type = PNG_COLOR_TYPE_RGB;
  int bits = 8;
  bool interlaced = false;
};

/// A PNG file of rows as they are stored in it.
Bytes png_file(const Bytes& rows, const PngKind& kind, int height = kHeight, int width = kWidth) {
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp writer, png_bytep data, std::size_t size) {
        auto* out = static_cast<Bytes*>(png_get_io_ptr(writer));
        out->insert(out->end(), data, data + size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), kind.bits,
               kind.colour_type, kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const png_color palette[] = {{10, 20, 30}, {40, 50, 60}};
  if (kind.colour_type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
  png_write_info(png, info);
  std::vector<png_bytep> pointers;
  const std::size_t row_bytes = rows.size() / static_cast<std::size_t>(height);
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    pointers.push_back(const_cast<png_bytep>(rows.data() + y * row_bytes));
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return file;
}

/// A JPEG file of the best quality; `components` 1, 3 (as RGB without conversion) or 4 (CMYK).
Bytes jpeg_file(const Bytes& rows, int components) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = kWidth;
  info.image_height = kHeight;
  info.input_components = components;
  info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  for (std::size_t y = 0; y < kHeight; ++y) {
    auto* row = const_cast<JSAMPROW>(rows.data() + y * kWidth * static_cast<std::size_t>(components));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  Bytes file(data, data + size);
  jpeg_destroy_compress(&info);
  std::free(data);
  return file;
}

Bytes npy_file(const std::string& dictionary, const Bytes& values, std::uint8_t version = 1) {
  std::string head = "\x93NUMPY";
  head += {static_cast<char>(version), '\0'};
  head += {static_cast<char>(dictionary.size() & 0xff), static_cast<char>(dictionary.size() >> 8)};
  if (version > 1) head += std::string(2, '\0');
  head += dictionary;
  Bytes file(head.size() + values.size());
  std::copy(values.begin(), values.end(), std::copy(head.begin(), head.end(), file.begin()));
  return file;
}

Bytes npy_of(const std::string& shape, std::size_t count) {
  Bytes values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint8_t>(i * 3);
  return npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }     \n", values);
}

class ImageFiles : public ::testing::Test {
 protected:
  /// The pictures of one file.
  std::vector<Bytes> load(const Bytes& file, const Shape& expected) {
    write_file(directory / "picture", file);
    const auto images = open_images({directory / "picture"}, expected);
    std::vector<Bytes> pictures;
    for (std::int64_t i = 0; i < images->size(); ++i) {
      pictures.emplace_back(static_cast<std::size_t>(images->sample_bytes()));
      images->read(i, pictures.back().data());
    }
    return pictures;
  }
  Bytes load_one(const Bytes& file, const Shape& expected) {
    const auto pictures = load(file, expected);
    EXPECT_EQ(pictures.size(), 1u);
    return pictures.empty() ? Bytes{} : pictures.front();
  }
  std::string load_error(const Bytes& file, const Shape& expected) {
    return error_of([&] { load(file, expected); });
  }
  /// Reading any of the broken versions of a file must end in pictures or a DataError.
  void expect_no_crash_when_damaged(const Bytes& good, const Shape& expected) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      auto flipped = good;
      flipped[i] ^= static_cast<std::uint8_t>(1 + i * 37);
      const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(i));
      for (const auto& damaged : {flipped, cut}) {
        try {
          load(damaged, expected);
        } catch (const DataError&) {
        }
      }
    }
  }

  TemporaryDirectory directory;
};

TEST_F(ImageFiles, ReadsColourAndGreyPng) {
  EXPECT_EQ(load_one(png_file(pixels(3), {}), kColour), pixels(3));
  EXPECT_EQ(load_one(png_file(pixels(1), {.colour_type = PNG_COLOR_TYPE_GRAY}), kGrey), pixels(1));
  EXPECT_EQ(load_one(png_file(pixels(3), {.interlaced = true}), kColour), pixels(3));
}

TEST_F(ImageFiles, TurnsGreyPngIntoThreeEqualChannels) {
  const auto found = load_one(png_file(pixels(1), {.colour_type = PNG_COLOR_TYPE_GRAY}), kColour);
  const auto grey = pixels(1);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], grey[i / 3]);
}

TEST_F(ImageFiles, ResolvesPalettesAndFewAndManyBits) {
  const Bytes stripes(kHeight, 0b01010100);  // 7 pixels of 1 bit a row
  const auto found = load_one(png_file(stripes, {.colour_type = PNG_COLOR_TYPE_PALETTE, .bits = 1}), kColour);
  EXPECT_THAT(Bytes(found.begin(), found.begin() + 6), ElementsAre(10, 20, 30, 40, 50, 60));
  const auto grey = load_one(png_file(stripes, {.colour_type = PNG_COLOR_TYPE_GRAY, .bits = 1}), kGrey);
  EXPECT_THAT(Bytes(grey.begin(), grey.begin() + 7), ElementsAre(0, 255, 0, 255, 0, 255, 0));
  Bytes deep;
  for (int i = 0; i < kHeight * kWidth; ++i)
    deep.insert(deep.end(), {0x12, 0xff});  // nearer to 0x13 than to 0x12
  EXPECT_THAT(load_one(png_file(deep, {.colour_type = PNG_COLOR_TYPE_GRAY, .bits = 16}), kGrey), Each(0x13));
}

TEST_F(ImageFiles, DropsOpaqueAlphaAndRefusesTransparency) {
  auto rgba = pixels(4);
  for (std::size_t i = 3; i < rgba.size(); i += 4) rgba[i] = 255;
  const auto found = load_one(png_file(rgba, {.colour_type = PNG_COLOR_TYPE_RGB_ALPHA}), kColour);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], rgba[i / 3 * 4 + i % 3]);
  rgba.back() = 254;
  EXPECT_THAT(load_error(png_file(rgba, {.colour_type = PNG_COLOR_TYPE_RGB_ALPHA}), kColour),
              HasSubstr("has transparent pixels"));
}

TEST_F(ImageFiles, ReadsJpeg) {
  const Bytes flat(kHeight * kWidth, 90);
  EXPECT_THAT(load_one(jpeg_file(flat, 1), kGrey), Each(90));
  EXPECT_THAT(load_one(jpeg_file(flat, 1), kColour), Each(90));
  Bytes red;
  for (int i = 0; i < kHeight * kWidth; ++i) red.insert(red.end(), {200, 30, 60});
  const auto found = load_one(jpeg_file(red, 3), kColour);
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], red[i], 2);
}

TEST_F(ImageFiles, NamesSizesAndColoursThatDoNotFit) {
  EXPECT_THAT(load_error(png_file(pixels(3), {}), {32, 32, 3}),
              AllOf(HasSubstr("/picture: is 5 pixels high and 7 wide, expected 32 and 32")));
  EXPECT_THAT(load_error(jpeg_file(pixels(3), 3), {7, 5, 3}),
              HasSubstr("is 5 pixels high and 7 wide, expected 7 and 5"));
  EXPECT_THAT(load_error(png_file(pixels(3), {}), kGrey), HasSubstr("is in colour, expected shades of grey"));
  EXPECT_THAT(load_error(jpeg_file(pixels(3), 3), kGrey), HasSubstr("is in colour, expected shades of grey"));
  EXPECT_THAT(load_error(jpeg_file(pixels(4), 4), kColour), HasSubstr("4 colour components"));
  EXPECT_THAT(load_error(png_file(pixels(3), {}), {kHeight, kWidth, 4}),
              HasSubstr("1 or 3 channels, expected 4"));
}

TEST_F(ImageFiles, DoesNotAllocateForAHugePicture) {
  auto file = png_file(Bytes(8), {.colour_type = PNG_COLOR_TYPE_GRAY}, 1, 8);
  const auto store = [&](std::size_t at, std::uint32_t word) {
    for (const int shift : {24, 16, 8, 0}) file[at++] = static_cast<std::uint8_t>(word >> shift);
  };
  store(16, 983040);
  store(20, 983040);
  store(29, static_cast<std::uint32_t>(crc32(0, file.data() + 12, 17)));  // a header that is whole
  EXPECT_THAT(load_error(file, kGrey), HasSubstr("is 983040 pixels high and 983040 wide"));
}

TEST_F(ImageFiles, RefusesDamagedPictures) {
  auto png = png_file(pixels(3), {});
  EXPECT_THAT(load_error(Bytes(png.begin(), png.end() - 20), kColour), HasSubstr("damaged PNG"));
  png[png.size() - 20] ^= 1;
  EXPECT_THAT(load_error(png, kColour), HasSubstr("damaged PNG"));
  const auto jpeg = jpeg_file(pixels(3), 3);
  EXPECT_THAT(load_error(Bytes(jpeg.begin(), jpeg.end() - 20), kColour), HasSubstr("damaged JPEG"));
}

TEST_F(ImageFiles, SurvivesEveryFlippedByteAndEveryCut) {
  expect_no_crash_when_damaged(png_file(pixels(3), {}), kColour);
  expect_no_crash_when_damaged(
      png_file(Bytes(kHeight, 0x54), {.colour_type = PNG_COLOR_TYPE_PALETTE, .bits = 1}), kColour);
  expect_no_crash_when_damaged(jpeg_file(pixels(3), 3), kColour);
  expect_no_crash_when_damaged(npy_of("(2, 5, 7, 3)", 210), kColour);
}

TEST_F(ImageFiles, ReadsArraysOfOneAndManyPictures) {
  const auto values = [](std::size_t first, std::size_t count) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>((first + i) * 3);
    return bytes;
  };
  EXPECT_THAT(load(npy_of("(2, 5, 7, 3)", 210), kColour), ElementsAre(values(0, 105), values(105, 105)));
  EXPECT_THAT(load(npy_of("(5, 7, 3)", 105), kColour), ElementsAre(values(0, 105)));
  EXPECT_THAT(load(npy_of("(5, 7)", 35), kGrey), ElementsAre(values(0, 35)));
  EXPECT_THAT(load(npy_of("(5, 7, 1)", 35), kGrey), ElementsAre(values(0, 35)));
  EXPECT_THAT(load(npy_of("(2, 5, 7)", 70), kGrey), ElementsAre(values(0, 35), values(35, 35)));
  EXPECT_THAT(load(npy_of("(2, 5, 7, 1)", 70), kGrey), ElementsAre(values(0, 35), values(35, 35)));
}

TEST_F(ImageFiles, ReadsTheLaterArrayVersions) {
  const std::string text = "{\"shape\":(5,7),\"fortran_order\":False,\"descr\":\"|u1\"}";
  EXPECT_EQ(load_one(npy_file(text, pixels(1), 2), kGrey), pixels(1));
  EXPECT_EQ(load_one(npy_file(text, pixels(1), 3), kGrey), pixels(1));
  EXPECT_THAT(load_error(npy_file(text, pixels(1), 4), kGrey), HasSubstr("version 4"));
}

TEST_F(ImageFiles, RefusesArraysThatAreNotPictures) {
  const auto array = [](const std::string& type, const std::string& order, const std::string& shape) {
    return npy_file("{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n",
                    pixels(1));
  };
  EXPECT_THAT(load_error(npy_of("(2, 32, 32, 3)", 6144), kColour),
              AllOf(HasSubstr("an array of [2, 32, 32, 3], expected [5, 7, 3] or [N, 5, 7, 3]")));
  EXPECT_THAT(load_error(npy_of("(5, 7)", 35), kColour), HasSubstr("an array of [5, 7]"));
  EXPECT_THAT(load_error(npy_of("(0, 5, 7, 1)", 0), kGrey), HasSubstr("an array of [0, 5, 7, 1]"));
  EXPECT_THAT(load_error(array("<f4", "False", "(5, 7)"), kGrey), HasSubstr("type '<f4', expected '|u1'"));
  EXPECT_THAT(load_error(array("|u1", "True", "(5, 7)"), kGrey), HasSubstr("Fortran order"));
  EXPECT_THAT(load_error(array("|u1", "False", "(5, 8)"), kGrey), HasSubstr("35 bytes after its header"));
  EXPECT_THAT(load_error(array("|u1", "False", "(5, 6)"), kGrey), HasSubstr("35 bytes after its header"));
  EXPECT_THAT(load_error(array("|u1", "False", "(1099511627776, 1099511627776, 1099511627776, 1)"), kGrey),
              HasSubstr("35 bytes after its header"));
}

TEST_F(ImageFiles, RefusesArrayHeadersThatMeanNothing) {
  for (const char* text :
       {"", "{", "{}", "[]", "{'shape': (5, 7)}", "{'descr': '|u1', 'shape': (5, 7), 'shape'}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 7)} x",
        "{'descr': '|u1', 'fortran_order': Maybe, 'shape': (5, 7)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-5, 7)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (5 7)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999, 7)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,5,7)}",
        "{'descr': [('r', '|u1')], 'fortran_order': False, 'shape': (5, 7)}", "{'descr': '|u1"}) {
    EXPECT_THAT(load_error(npy_file(text, pixels(1)), kGrey), HasSubstr("header that cannot be understood"))
        << text;
  }
}

TEST_F(ImageFiles, RefusesArraysCutInTheirHeader) {
  const auto file = npy_of("(5, 7)", 35);
  for (const std::ptrdiff_t size : {6, 8, 9, 10, 40}) {
    EXPECT_THAT(load_error(Bytes(file.begin(), file.begin() + size), kGrey), HasSubstr("truncated .npy"))
        << size;
  }
  EXPECT_THAT(load_error(npy_file(std::string(5000, ' '), pixels(1)), kGrey),
              HasSubstr("expected at most 4096"));
}

TEST_F(ImageFiles, FollowEachOtherInTheOrderGiven) {
  write_file(directory / "a.png", png_file(Bytes(35, 1), {.colour_type = PNG_COLOR_TYPE_GRAY}));
  write_file(directory / "b.npy", npy_file("{'descr':'|u1','fortran_order':False,'shape':(2,5,7)}", [] {
               Bytes two(70, 2);
               std::fill(two.begin() + 35, two.end(), 3);
               return two;
             }()));
  write_file(directory / "c.jpg", jpeg_file(Bytes(35, 4), 1));
  const auto images = open_images({directory / "c.jpg", directory / "b.npy", directory / "a.png"}, kGrey);
  ASSERT_EQ(images->size(), 4);
  EXPECT_EQ(images->classes(), 0);
  Bytes first_values, picture(35);
  for (std::int64_t i = 0; i < 4; ++i) {
    images->read(i, picture.data());
    first_values.push_back(picture[0]);
    EXPECT_EQ(images->label(i), -1);
  }
  EXPECT_THAT(first_values, ElementsAre(4, 2, 3, 1));
  images->verify_unchanged();
  std::filesystem::resize_file(directory / "b.npy", 20);
  EXPECT_THAT(error_of([&] { images->verify_unchanged(); }), HasSubstr("b.npy: has 20 bytes now"));
}

TEST_F(ImageFiles, NamesFilesThatAreMissingOrNoPictures) {
  EXPECT_THAT(error_of([&] { open_images({directory / "none.png"}, kGrey); }),
              HasSubstr("none.png: cannot be opened"));
  EXPECT_THAT(error_of([&] { open_images({directory.path()}, kGrey); }), HasSubstr("is a directory"));
  EXPECT_THAT(error_of([&] { open_images({}, kGrey); }), HasSubstr("no pictures"));
  EXPECT_THAT(load_error(Bytes{'G', 'I', 'F', '8'}, kGrey), HasSubstr("is neither PNG nor JPEG nor .npy"));
}

TEST(Npy, WritesTheHeaderThatNumPyWrites) {
  const auto header = npy_header(3, 10);
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_EQ(header.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(header, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 10), }"));
  EXPECT_EQ(header.back(), '\n');
}

}  // namespace
}  // namespace convoy
