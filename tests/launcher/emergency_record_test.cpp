#include "launcher/emergency_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/host.h"
#include "launcher/failure.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using testing::ContainsRegex;

class EmergencyRecords : public testing::Test {
 protected:
  const test::TemporaryDirectory directory_;
  const RunPaths paths_{directory_ / "run"};
  Watchdog watchdog_{60, [](const Watchdog::Stall&) {}};
};

TEST_F(EmergencyRecords, AreReadLikeAnyFailureAndEndTheLog) {
  std::filesystem::create_directory(paths_.directory);
  test::write_text(paths_.log(), "first\n");
  watchdog_.enter("computing", 17);
  EmergencyRecord(paths_, 3, watchdog_).write(ExitCode::data, "/a \"b\"\\\t\u00e9: truncated");
  const Failure expected{ExitCode::data, "/a \"b\"\\\t\u00e9: truncated", 3, host_name(), 17, "computing"};
  EXPECT_EQ(read_failure(paths_.failure()), expected);
  EXPECT_THAT(test::read_text(paths_.log()),
              ContainsRegex("^first\n[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} error "
                            "rank 3 failed after step 17, computing: /a .*: truncated\n$"));
  EmergencyRecord(paths_, 4, watchdog_).write(ExitCode::device, "later");
  EXPECT_EQ(read_failure(paths_.failure()), expected) << "the first stays";
  const auto entries = std::distance(std::filesystem::directory_iterator(paths_.directory), {});
  EXPECT_EQ(entries, 2) << "nothing half-written stays";
}

TEST_F(EmergencyRecords, HaveTheTimeOfTheLog) {
  std::filesystem::create_directory(paths_.directory);
  test::write_text(paths_.log(), "");
  const auto minute = [](std::time_t time) {
    std::tm local{};
    localtime_r(&time, &local);
    char text[32];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local));
  };
  const std::string before = minute(std::time(nullptr));
  EmergencyRecord(paths_, 0, watchdog_).write(ExitCode::data, "x");
  const std::string after = minute(std::time(nullptr));
  EXPECT_THAT(test::read_text(paths_.log()),
              testing::AnyOf(testing::StartsWith(before), testing::StartsWith(after)));
}

TEST_F(EmergencyRecords, LeaveNothingWhereTheRunDirectoryIsNotThere) {
  EmergencyRecord(paths_, 1, watchdog_).write(ExitCode::data, "x");
  EXPECT_FALSE(std::filesystem::exists(paths_.directory));
}

TEST_F(EmergencyRecords, DoNotBeginALog) {
  std::filesystem::create_directory(paths_.directory);
  EmergencyRecord(paths_, 1, watchdog_).write(ExitCode::data, "x");
  EXPECT_FALSE(std::filesystem::exists(paths_.log()));
  EXPECT_TRUE(read_failure(paths_.failure()));
}

}  // namespace
}  // namespace convoy
