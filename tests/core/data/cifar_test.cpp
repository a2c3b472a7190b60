#include "core/data/cifar.h"

#include <chrono>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/data/mapped_file.h"
#include "tests/core/data/files.h"

namespace convoy {
namespace {

using ::testing::AllOf;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr std::int64_t kRecords = 3;

/// The value of a pixel of a test picture, different in every plane, row and column.
std::uint8_t pixel(std::int64_t sample, int y, int x, int channel) {
  return static_cast<std::uint8_t>(sample * 31 + y * 7 + x * 3 + channel * 100);
}

Bytes records(std::int64_t first, std::int64_t count, std::size_t label_bytes) {
  Bytes bytes;
  for (std::int64_t sample = first; sample < first + count; ++sample) {
    bytes.insert(bytes.end(), label_bytes - 1, 250);  // a coarse label must not be taken for the fine one
    bytes.push_back(static_cast<std::uint8_t>(sample % 10));
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < 32; ++y) {
        for (int x = 0; x < 32; ++x) bytes.push_back(pixel(sample, y, x, c));
      }
    }
  }
  return bytes;
}

class Cifar10 : public ::testing::Test {
 protected:
  Cifar10() {
    for (int i = 0; i < 5; ++i) {
      write_file(directory / ("data_batch_" + std::to_string(i + 1) + ".bin"),
                 records(i * kRecords, kRecords, 1));
    }
    write_file(directory / "test_batch.bin", records(0, kRecords, 1));
  }
  DatasetPtr open(Split split = Split::train) { return open_cifar10({directory.path(), kRecords}, split); }

  TemporaryDirectory directory;
};

TEST_F(Cifar10, ReadsPlanesAsPixelsAndLabelsOfAllFiles) {
  const auto data = open();
  ASSERT_EQ(data->size(), 5 * kRecords);
  EXPECT_EQ(data->sample_shape(), (Shape{32, 32, 3}));
  Bytes hwc(3072);
  for (std::int64_t i = 0; i < data->size(); ++i) {
    EXPECT_EQ(data->label(i), i % 10);
    data->read(i, hwc.data());
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        for (int c = 0; c < 3; ++c)
          ASSERT_EQ(hwc[static_cast<std::size_t>((y * 32 + x) * 3 + c)], pixel(i, y, x, c));
      }
    }
  }
  EXPECT_EQ(open(Split::test)->size(), kRecords);
}

TEST_F(Cifar10, TakesClassNamesFromTheDataOrElseTheUsualOnes) {
  EXPECT_EQ(open()->class_names().at(3), "cat");
  std::string names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
  write_file(directory / "batches.meta.txt", Bytes(names.begin(), names.end()));
  EXPECT_EQ(open()->class_names().at(3), "d");
  write_file(directory / "batches.meta.txt", Bytes(100000, 'x'));
  EXPECT_EQ(open()->class_names().at(3), "cat");
}

TEST_F(Cifar10, SaysHowToGetAMissingDirectory) {
  EXPECT_THAT(error_of([] {
                open_cifar10({"no/such/dir", 0}, Split::train);
              }),
              AllOf(HasSubstr("no/such/dir: no such directory"), HasSubstr("./scripts/get_data.sh")));
  EXPECT_THAT(error_of([&] {
                open_cifar10({directory / "test_batch.bin", 0}, Split::train);
              }),
              HasSubstr("is not a directory"));
}

TEST_F(Cifar10, NamesAMissingFile) {
  std::filesystem::remove(directory / "data_batch_4.bin");
  EXPECT_THAT(error_of([&] { open(); }), AllOf(HasSubstr("data_batch_4.bin"), HasSubstr("No such file")));
}

TEST_F(Cifar10, RecognisesThePythonVersion) {
  const TemporaryDirectory python;
  write_file(python / "data_batch_1", Bytes(10));
  EXPECT_THAT(error_of([&] { open_cifar10({python.path(), 0}, Split::train); }), HasSubstr("Python version"));
}

TEST_F(Cifar10, RefusesTruncatedLongAndEmptyFiles) {
  auto bytes = records(0, kRecords, 1);
  bytes.pop_back();
  write_file(directory / "data_batch_2.bin", bytes);
  EXPECT_THAT(error_of([&] { open(); }),
              AllOf(HasSubstr("data_batch_2.bin: is truncated: has 9218 bytes, expected 9219"),
                    HasSubstr("3 records of 3073 bytes")));
  write_file(directory / "data_batch_2.bin", records(0, kRecords - 1, 1));  // whole records are missing
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("is truncated"));
  write_file(directory / "data_batch_2.bin", records(0, kRecords + 1, 1));
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("is too long"));
  write_file(directory / "data_batch_2.bin", Bytes{});
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("is empty"));
}

TEST_F(Cifar10, RefusesWhatIsNotAFile) {
  std::filesystem::remove(directory / "data_batch_2.bin");
  std::filesystem::create_directory(directory / "data_batch_2.bin");
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("is a directory"));
  std::filesystem::remove(directory / "data_batch_2.bin");
  ASSERT_EQ(mkfifo((directory / "data_batch_2.bin").c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("is not a regular file"));
}

TEST_F(Cifar10, RefusesAnUnreadableFile) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  std::filesystem::permissions(directory / "data_batch_2.bin", std::filesystem::perms::none);
  EXPECT_THAT(error_of([&] { open(); }), HasSubstr("Permission denied"));
}

TEST_F(Cifar10, RefusesALabelOutOfRange) {
  auto bytes = records(0, kRecords, 1);
  bytes[3073] = 10;
  write_file(directory / "data_batch_5.bin", bytes);
  EXPECT_THAT(error_of([&] { open(); }),
              HasSubstr("data_batch_5.bin: record 1 has label 10, expected 0 to 9"));
}

TEST_F(Cifar10, ExpectsThePublishedSizesOtherwise) {
  EXPECT_THAT(error_of([&] {
                open_cifar10({directory.path(), 0}, Split::train);
              }),
              HasSubstr("expected 30730000"));
}

TEST_F(Cifar10, NoticesFilesThatChangeInUse) {
  const auto data = open();
  data->verify_unchanged();
  limited(data, 2)->verify_unchanged();
  std::filesystem::resize_file(directory / "data_batch_3.bin", 4000);
  EXPECT_THAT(error_of([&] { data->verify_unchanged(); }),
              AllOf(HasSubstr("data_batch_3.bin"), HasSubstr("4000 bytes now, had 9219")));
  EXPECT_THAT(error_of([&] { limited(data, 2)->verify_unchanged(); }), HasSubstr("data_batch_3.bin"));
}

TEST_F(Cifar10, NoticesFilesThatAreOverwrittenInUse) {
  const auto data = open();
  std::filesystem::last_write_time(directory / "data_batch_1.bin",
                                   std::filesystem::file_time_type::clock::now() + std::chrono::seconds(10));
  EXPECT_THAT(error_of([&] { data->verify_unchanged(); }), HasSubstr("was written to while in use"));
}

TEST(Cifar100, ReadsFineLabels) {
  const TemporaryDirectory directory;
  write_file(directory / "train.bin", records(0, kRecords, 2));
  write_file(directory / "test.bin", records(0, kRecords, 2));
  const auto data = open_cifar100({directory.path(), kRecords}, Split::train);
  EXPECT_EQ(data->size(), kRecords);
  EXPECT_EQ(data->classes(), 100);
  EXPECT_EQ(data->label(2), 2);
  Bytes hwc(3072);
  data->read(1, hwc.data());
  EXPECT_EQ(hwc[4], pixel(1, 0, 1, 1));
  EXPECT_THAT(error_of([&] {
                open_cifar100({directory.path(), 0}, Split::train);
              }),
              HasSubstr("expected 153700000"));
}

TEST(MappedFile, MovesWithoutLosingItsBytes) {
  const TemporaryDirectory directory;
  write_file(directory / "x", Bytes{1, 2, 3});
  MappedFile first(directory / "x", "");
  MappedFile second(std::move(first));
  MappedFile third;
  third = std::move(second);
  EXPECT_THAT(third.bytes(), ElementsAre(1, 2, 3));
  third.verify_unchanged();
}

}  // namespace
}  // namespace convoy
