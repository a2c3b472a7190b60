#include "launcher/metrics_writer.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using test::error_of;
using test::read_text;
using testing::HasSubstr;

class Metrics : public testing::Test {
 protected:
  /// Four steps an epoch, two epochs and the end; a checkpoint after step 5.
  MetricsPosition write_run() {
    MetricsWriter writer(path_);
    MetricsPosition position;
    writer.write("start", {{"ranks", 2}});
    for (int step = 1; step <= 8; ++step) {
      writer.write("step", {{"epoch", (step + 3) / 4}, {"step", step}, {"loss", 1.0 / step}});
      if (step == 5) position = writer.position();
      if (step % 4 == 0) writer.write("epoch", {{"epoch", step / 4}});
    }
    writer.write("end", {{"weights_sha256", "x"}});
    return position;
  }
  std::int64_t last_step() const {
    std::int64_t last = 0;
    for (const MetricsEvent& event : read_metrics(path_)) {
      if (event["event"] == "step") last = event["step"];
    }
    return last;
  }

  const test::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_ / "metrics.jsonl";
  const TrainingCursor after_five_{1, 1, 5};
};

TEST_F(Metrics, AreOneObjectALineWithTheEventFirst) {
  MetricsWriter writer(path_);
  writer.write("step", {{"epoch", 1}, {"loss", 0.1}, {"accuracy", NAN}});
  EXPECT_EQ(read_text(path_), "{\"event\":\"step\",\"epoch\":1,\"loss\":0.1,\"accuracy\":null}\n");
  EXPECT_EQ(writer.position(), (MetricsPosition{1, static_cast<std::int64_t>(read_text(path_).size())}));
  writer.sync();
}

TEST_F(Metrics, ContinueWhereTheFileEnds) {
  MetricsWriter(path_).write("a", MetricsEvent::object());
  test::write_text(path_, read_text(path_) + "{\"event\":\"to");
  MetricsWriter writer(path_);
  EXPECT_EQ(writer.position().lines, 1);
  writer.write("b", MetricsEvent::object());
  EXPECT_EQ(read_text(path_), "{\"event\":\"a\"}\n{\"event\":\"b\"}\n");
}

TEST_F(Metrics, AreCutBackToARecordedPosition) {
  const MetricsPosition position = write_run();
  EXPECT_TRUE(cut_metrics(path_, position, after_five_));
  EXPECT_EQ(last_step(), 5);
  EXPECT_EQ(std::filesystem::file_size(path_), static_cast<std::uintmax_t>(position.bytes));
  EXPECT_TRUE(cut_metrics(path_, position, after_five_));
  EXPECT_EQ(MetricsWriter(path_).position(), position);
}

TEST_F(Metrics, AreCutByTheirStepsWhereThePositionIsGone) {
  for (const MetricsPosition wrong :
       {MetricsPosition{3, 7}, MetricsPosition{999, 1 << 20}, MetricsPosition{-1, -1}}) {
    std::filesystem::remove(path_);
    write_run();
    EXPECT_FALSE(cut_metrics(path_, wrong, after_five_));
    EXPECT_EQ(last_step(), 5);
    EXPECT_EQ(read_metrics(path_).back()["event"], "step");
  }
  std::filesystem::remove(path_);
  write_run();
  EXPECT_FALSE(cut_metrics(path_, {1, 1}, {2, 0, 8}));
  EXPECT_EQ(read_metrics(path_).back()["event"], "epoch");  // the end is gone, the last epoch stays
}

TEST_F(Metrics, AreCutToNothingForAStepThatSavedNothing) {
  write_run();
  EXPECT_TRUE(cut_metrics(path_, {}, {}));
  EXPECT_TRUE(read_metrics(path_).empty());
  std::filesystem::remove(path_);
  EXPECT_TRUE(cut_metrics(path_, {}, {}));
  EXPECT_FALSE(cut_metrics(path_, {1, 10}, after_five_));
}

TEST_F(Metrics, AreReadUpToAnUnfinishedLine) {
  EXPECT_TRUE(read_metrics(path_).empty());
  test::write_text(path_, "{\"event\":\"a\"}\n{\"event\":\"b");
  EXPECT_EQ(read_metrics(path_).size(), 1U);
  test::write_text(path_, "{\"event\":\"a\"}\nrubbish\n");
  EXPECT_THAT(error_of<CheckpointError>([&] { read_metrics(path_); }),
              HasSubstr("metrics.jsonl:2: no event"));
  test::write_text(path_, "[1]\n");
  EXPECT_THROW(read_metrics(path_), CheckpointError);
}

TEST_F(Metrics, TakeBackALineThatTheDiskCannotHold) {
  MetricsWriter writer(path_);
  writer.write("a", {{"text", std::string(3000, 'x')}});
  const std::string before = read_text(path_);
  const MetricsPosition position = writer.position();
  const test::FileSizeLimit limit(4096);
  EXPECT_THAT(error_of<CheckpointError>([&] {
                writer.write("b", {{"text", std::string(3000, 'x')}});
              }),
              HasSubstr("cannot write " + path_.string()));
  EXPECT_EQ(read_text(path_), before);
  EXPECT_EQ(writer.position(), position);
  writer.write("c", MetricsEvent::object());
  EXPECT_EQ(read_metrics(path_).back()["event"], "c");
}

}  // namespace
}  // namespace convoy
