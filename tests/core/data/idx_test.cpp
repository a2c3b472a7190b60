#include "core/data/idx.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/data/files.h"

namespace convoy {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::error_of;
using testing::gzip;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr std::uint32_t kCount = 4, kHeight = 2, kWidth = 3;

Bytes header(std::initializer_list<std::uint32_t> words) {
  Bytes bytes;
  for (const auto word : words) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
  return bytes;
}

Bytes images(std::uint32_t count = kCount) {
  auto bytes = header({0x803, kCount, kHeight, kWidth});
  for (std::uint32_t i = 0; i < count * kHeight * kWidth; ++i)
    bytes.push_back(static_cast<std::uint8_t>(10 + i));
  return bytes;
}

Bytes labels() {
  auto bytes = header({0x801, kCount});
  for (std::uint8_t i = 0; i < kCount; ++i) bytes.push_back(static_cast<std::uint8_t>(9 - i));
  return bytes;
}

class Idx : public ::testing::Test {
 protected:
  Idx() {
    write_file(directory / "train-images-idx3-ubyte", images());
    write_file(directory / "train-labels-idx1-ubyte", labels());
  }
  DatasetPtr open(Split split = Split::train) { return open_idx({directory.path()}, split); }
  /// The error for a file of pictures with these bytes, which must be the same whether it is raw or gzipped.
  std::string error_with_images(const Bytes& bytes) {
    write_file(directory / "train-images-idx3-ubyte", bytes);
    return error_of([&] { open(); });
  }

  TemporaryDirectory directory;
};

void expect_the_pictures(const Dataset& data) {
  ASSERT_EQ(data.size(), kCount);
  EXPECT_EQ(data.sample_shape(), (Shape{kHeight, kWidth, 1}));
  Bytes picture(kHeight * kWidth);
  data.read(2, picture.data());
  EXPECT_THAT(picture, ElementsAre(22, 23, 24, 25, 26, 27));
  EXPECT_EQ(data.label(0), 9);
  EXPECT_EQ(data.label(3), 6);
}

TEST_F(Idx, ReadsRawFiles) { expect_the_pictures(*open()); }

TEST_F(Idx, ReadsGzipFiles) {
  const auto raw_hash = open()->sha256();
  write_file(directory / "t10k-images-idx3-ubyte.gz", gzip(images()));
  write_file(directory / "t10k-labels-idx1-ubyte.gz", gzip(labels()));
  expect_the_pictures(*open(Split::test));
  EXPECT_EQ(open(Split::test)->sha256(), raw_hash);
}

TEST_F(Idx, ReadsFilesSpelledWithADot) {
  write_file(directory / "t10k-images.idx3-ubyte", images());
  write_file(directory / "t10k-labels.idx1-ubyte", labels());
  expect_the_pictures(*open(Split::test));
}

TEST_F(Idx, RecognisesGzipWhateverTheName) {
  write_file(directory / "train-images-idx3-ubyte", gzip(images()));
  expect_the_pictures(*open());
}

TEST_F(Idx, SaysWhatIsMissing) {
  EXPECT_THAT(error_of([&] { open(Split::test); }),
              AllOf(HasSubstr("t10k-images-idx3-ubyte: no such file, nor with .gz"),
                    HasSubstr("dataset-fashion-mnist")));
  EXPECT_THAT(error_of([] { open_idx({"no/such/dir"}, Split::train); }),
              HasSubstr("no/such/dir: no such directory"));
  EXPECT_THAT(error_of([&] { open_idx({directory / "train-images-idx3-ubyte"}, Split::train); }),
              HasSubstr("is not a directory"));
}

TEST_F(Idx, RefusesDamagedRawFiles) {
  EXPECT_THAT(error_with_images(images(kCount - 1)),
              HasSubstr("is truncated: has 18 bytes after its header, which "
                        "announces 24 (4 of 2 x 3)"));
  EXPECT_THAT(error_with_images(images(kCount + 1)), HasSubstr("is too long"));
  EXPECT_THAT(error_with_images(labels()), HasSubstr("starts with 0x00000801, expected 0x00000803"));
  EXPECT_THAT(error_with_images(Bytes{0, 0, 8}), HasSubstr("less than an IDX header"));
  EXPECT_THAT(error_with_images(Bytes{}), HasSubstr("is empty"));
  EXPECT_THAT(error_with_images(header({0x803, 0, 2, 3})), HasSubstr("holds no samples"));
  EXPECT_THAT(error_with_images(header({0x803, 1, 0, 3})), HasSubstr("pictures of 0 x 3"));
  EXPECT_THAT(error_with_images(header({0x803, 0xffffffff, 0xffffffff, 0xffffffff})),
              HasSubstr("pictures of 4294967295"));
  EXPECT_THAT(error_with_images(header({0x803, 0xffffffff, 4096, 4096})), HasSubstr("is truncated"));
}

TEST_F(Idx, RefusesDamagedGzipFiles) {
  const auto good = gzip(images());
  EXPECT_THAT(error_with_images(Bytes(good.begin(), good.end() - 9)), HasSubstr("truncated"));
  EXPECT_THAT(error_with_images(Bytes(good.begin(), good.end() - 1)), HasSubstr("truncated"));
  EXPECT_THAT(error_with_images(Bytes(good.begin(), good.begin() + 5)), HasSubstr("truncated"));
  auto flipped = good;
  flipped[flipped.size() - 6] ^= 1;  // the checksum
  EXPECT_THAT(error_with_images(flipped), HasSubstr("damaged (incorrect data check)"));
  auto trailing = good;
  trailing.push_back(0);
  EXPECT_THAT(error_with_images(trailing), HasSubstr("follow the gzip data"));
  EXPECT_THAT(error_with_images(gzip(images(kCount - 1))), HasSubstr("is truncated: has 18 bytes"));
  EXPECT_THAT(error_with_images(gzip(images(kCount + 1))), HasSubstr("is too long"));
  EXPECT_THAT(error_with_images(gzip(labels())), HasSubstr("0x00000801"));
}

TEST_F(Idx, DoesNotAllocateWhatASmallGzipFileAnnounces) {
  EXPECT_THAT(error_with_images(gzip(header({0x803, 255, 4096, 4096}))),
              HasSubstr("compressed bytes can hold"));
  EXPECT_THAT(error_with_images(gzip(header({0x803, 0xffffffff, 4096, 4096}))),
              HasSubstr("unpack it with gunzip"));
}

TEST_F(Idx, RefusesGzipThatInflatesToMoreThanItAnnounces) {
  auto bomb = images();
  bomb.resize(std::size_t{16} << 20);
  EXPECT_THAT(error_with_images(gzip(bomb)), HasSubstr("is too long"));
}

TEST_F(Idx, EveryFlippedByteOfAGzipFileIsAnErrorOrHarmless) {
  const auto good = gzip(images());
  const auto hash = open()->sha256();
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bytes = good;
    bytes[i] ^= 0x10;
    write_file(directory / "train-images-idx3-ubyte", bytes);
    try {
      EXPECT_EQ(open()->sha256(), hash) << "byte " << i;  // the header's time and system carry nothing
    } catch (const DataError&) {
    }
  }
}

TEST_F(Idx, RefusesLabelsThatDoNotFit) {
  auto bytes = labels();
  bytes.back() = 10;
  write_file(directory / "train-labels-idx1-ubyte", bytes);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("record 3 has label 10, expected 0 to 9"));
  write_file(directory / "train-labels-idx1-ubyte", [] {
    auto fewer = header({0x801, kCount - 1});
    fewer.insert(fewer.end(), {1, 2, 3});
    return fewer;
  }());
  EXPECT_THAT(error_of([&] { open(); }), AllOf(HasSubstr("has 4 pictures"), HasSubstr("has 3 labels")));
}

TEST_F(Idx, NoticesFilesThatChangeInUse) {
  const auto data = open();
  data->verify_unchanged();
  std::filesystem::resize_file(directory / "train-images-idx3-ubyte", 20);
  EXPECT_THAT(error_of([&] { data->verify_unchanged(); }), HasSubstr("20 bytes now"));
}

}  // namespace
}  // namespace convoy
