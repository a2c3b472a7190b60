#include "launcher/npy_writer.h"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

#include "core/data/npy.h"
#include "core/error.h"
#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

bool is_empty(const test::TemporaryDirectory& directory) {
  return std::filesystem::is_empty(directory.path());
}

TEST(NpyWriter, WritesRowsInPartsAndShowsTheFileWhenItIsWhole) {
  const test::TemporaryDirectory directory;
  const std::vector<float> values{1, -2, 0.5f, 4, 5, 6};
  {
    NpyWriter writer(directory / "out.npy", 3, 2);
    writer.append(std::span(values).first(2));
    EXPECT_FALSE(std::filesystem::exists(directory / "out.npy"));
    writer.append(std::span(values).subspan(2));
    writer.commit();
  }
  const auto text = test::read_text(directory / "out.npy");
  const auto header = npy_header(3, 2);
  ASSERT_EQ(text.size(), header.size() + 24);
  EXPECT_EQ(text.substr(0, header.size()), header);
  EXPECT_EQ(std::memcmp(text.data() + header.size(), values.data(), 24), 0);
}

TEST(NpyWriter, LeavesNothingWhenGivenUp) {
  const test::TemporaryDirectory directory;
  { NpyWriter(directory / "out.npy", 3, 2).append(std::vector<float>{1, 2}); }
  EXPECT_TRUE(is_empty(directory));
}

TEST(NpyWriter, RefusesTooFewAndTooManyValues) {
  const test::TemporaryDirectory directory;
  NpyWriter writer(directory / "out.npy", 1, 2);
  writer.append(std::vector<float>{1});
  EXPECT_THROW(writer.commit(), DefectError);
  EXPECT_THROW(writer.append(std::vector<float>{1, 2}), DefectError);
}

TEST(NpyWriter, SaysWhereItCannotWrite) {
  EXPECT_THROW(NpyWriter("/no/such/directory/out.npy", 1, 1), CheckpointError);
}

}  // namespace
}  // namespace convoy
