#include "launcher/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/host.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

const Failure kNumeric{ExitCode::numeric, "loss is NaN", 3, "node1", 17, "forward"};
const Failure kCommunication{ExitCode::communication, "rank 3 is gone", 0, "node0", 17, "reduce"};

TEST(Failures, ComeBackAsWritten) {
  const test::TemporaryDirectory directory;
  const auto path = directory / "failure.json";
  EXPECT_FALSE(read_failure(path));
  EXPECT_TRUE(write_failure(path, kNumeric));
  EXPECT_EQ(read_failure(path), kNumeric);
  EXPECT_THAT(test::read_text(path), testing::HasSubstr("\"kind\": \"numeric\""));
  test::write_text(path, "{");
  EXPECT_FALSE(read_failure(path));
}

TEST(Failures, KeepTheFirstCauseRatherThanWhatOthersSawOfIt) {
  const test::TemporaryDirectory directory;
  const auto path = directory / "failure.json";
  EXPECT_TRUE(write_failure(path, kCommunication));
  EXPECT_TRUE(write_failure(path, kNumeric));
  EXPECT_FALSE(write_failure(path, kCommunication));
  EXPECT_EQ(read_failure(path), kNumeric);
}

TEST(Failures, AreQuietWhereNothingCanBeWritten) {
  const test::TemporaryDirectory directory;
  EXPECT_FALSE(write_failure(directory / "absent" / "failure.json", kNumeric));
  Failure binary = kNumeric;
  binary.message = "bad byte \xff";
  EXPECT_TRUE(write_failure(directory / "failure.json", binary));
  EXPECT_EQ(read_failure(directory / "failure.json")->message, "bad byte \uFFFD");
}

TEST(Host, HasAName) { EXPECT_FALSE(host_name().empty()); }

}  // namespace
}  // namespace convoy
