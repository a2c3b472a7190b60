#include "launcher/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>

#include "core/error.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using test::error_of;
using test::read_text;
using testing::HasSubstr;

std::size_t entries_of(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "a", "old");
  {
    AtomicFile file(directory / "a");
    file.output().write("new");
    EXPECT_EQ(read_text(directory / "a"), "old");
    file.commit();
  }
  EXPECT_EQ(read_text(directory / "a"), "new");
  EXPECT_EQ(entries_of(directory.path()), 1U);
}

TEST(AtomicFile, DoesNotReplaceAPipe) {
  const test::TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo((directory / "a").c_str(), 0600), 0);
  EXPECT_THAT(error_of<CheckpointError>([&] { write_file_atomically(directory / "a", "x"); }),
              HasSubstr("a: a device, pipe or socket is not replaced"));
  EXPECT_TRUE(std::filesystem::is_fifo(directory / "a"));
  EXPECT_EQ(entries_of(directory.path()), 1U);
}

TEST(AtomicFile, LeavesNothingWhenGivenUp) {
  const test::TemporaryDirectory directory;
  { AtomicFile(directory / "a").output().write("new"); }
  EXPECT_EQ(entries_of(directory.path()), 0U);
}

TEST(AtomicFile, ReportsAFullDiskAndKeepsTheOldFile) {
  const test::TinyDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "only where a file system can be mounted";
  write_file_atomically(disk.path() / "a", "old");
  const std::string error =
      error_of<CheckpointError>([&] { write_file_atomically(disk.path() / "a", std::string(200'000, 'x')); });
  EXPECT_THAT(error,
              HasSubstr("cannot write " + (disk.path() / "a").string() + ": No space left on device; "));
  EXPECT_THAT(error, HasSubstr("make room"));
  EXPECT_EQ(read_text(disk.path() / "a"), "old");
  EXPECT_EQ(entries_of(disk.path()), 1U);
}

TEST(AtomicFile, ReportsAFileSizeLimit) {
  const test::TemporaryDirectory directory;
  const test::FileSizeLimit limit(4096);
  const std::string error =
      error_of<CheckpointError>([&] { write_file_atomically(directory / "a", std::string(10'000, 'x')); });
  EXPECT_THAT(error, HasSubstr("File too large; the process's file size is limited (ulimit -f)"));
  EXPECT_EQ(entries_of(directory.path()), 0U);
}

TEST(AtomicFile, ReportsUnwritableAndMissingDirectories) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "locked");
  const test::UnwritableDirectory locked(directory / "locked");
  const std::string error =
      error_of<CheckpointError>([&] { write_file_atomically(directory / "locked" / "a", "x"); });
  EXPECT_THAT(error, HasSubstr("Permission denied; make it writable"));
  EXPECT_THAT(error_of<CheckpointError>([&] { write_file_atomically(directory / "absent" / "a", "x"); }),
              HasSubstr("No such file or directory"));
}

TEST(AtomicFile, DoesNotReplaceADirectory) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "a");
  EXPECT_THAT(error_of<CheckpointError>([&] { write_file_atomically(directory / "a", "x"); }),
              HasSubstr("Is a directory"));
  EXPECT_EQ(entries_of(directory.path()), 1U);
}

TEST(AtomicFile, SurvivesMoves) {
  FileDescriptor empty;
  EXPECT_FALSE(empty);
  FileDescriptor full(::dup(0));
  const int value = full.get();
  empty = std::move(full);
  EXPECT_EQ(empty.get(), value);
  EXPECT_EQ(FileDescriptor(std::move(empty)).get(), value);
}

}  // namespace
}  // namespace convoy
