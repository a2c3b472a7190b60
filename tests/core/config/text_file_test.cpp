#include "core/config/text_file.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>

#include "core/error.h"
#include "tests/support/temporary_directory.h"

namespace convoy::config {
namespace {

constexpr std::chrono::milliseconds kShort(100);

std::string error_of(const std::string& path) {
  try {
    return "read: " + read_text_file(path, 100, kShort);
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(TextFile, IsReadUpToALimit) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "a.yaml";
  std::ofstream(path) << "seed: 1\n";
  EXPECT_EQ(read_text_file(path, 100), "seed: 1\n");
  EXPECT_EQ(read_text_file(path, 4), "seed");
  EXPECT_EQ(read_text_file("/dev/zero", 4), std::string(4, '\0'));
}

TEST(TextFile, ThatIsNoneSaysSo) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(
      error_of(directory / "none"),
      (directory / "none").string() + ": cannot read the config: No such file or directory; check the path");
  const std::string here = directory.path().string();
  EXPECT_EQ(error_of(here),
            here + ": is a directory; give the config's file, of a run " + here + "/resolved.yaml");
}

TEST(TextFile, MayBeAPipeIfSomethingIsWrittenIntoIt) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of(path),
            path + ": a pipe into which nothing is written; give a file, or end what should write");
  std::thread writer([&] { std::ofstream(path) << "seed: 2\n"; });
  EXPECT_EQ(read_text_file(path, 100), "seed: 2\n");
  writer.join();
}

}  // namespace
}  // namespace convoy::config
