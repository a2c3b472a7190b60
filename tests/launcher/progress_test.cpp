#include "launcher/progress.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/launcher/captured.h"

namespace convoy {
namespace {

using testing::HasSubstr;

constexpr ProgressStep kStep{3, 10, 812, 1563, 1.23456, 0.6421, 1432.4, 200.0};

TEST(ProgressLine, ShowsWhatMattersMostInTheWidth) {
  EXPECT_EQ(progress_text(kStep, 200),
            "epoch 3/10  step 812/1563  loss 1.2346  accuracy 0.6421  1,432 images/s  3m 20s left");
  EXPECT_EQ(progress_text(kStep, 80), "epoch 3/10  step 812/1563  loss 1.2346  accuracy 0.6421  3m 20s left");
  EXPECT_EQ(progress_text(kStep, 45), "epoch 3/10  step 812/1563  loss 1.2346");
  EXPECT_EQ(progress_text(kStep, 1), "epoch 3/10");
  for (int width = 10; width < 100; ++width)
    EXPECT_LE(progress_text(kStep, width).size(), static_cast<unsigned>(width));
  EXPECT_EQ(progress_text({1, 1, 1, 2, std::nan(""), {}, 0, {}}, 80),
            "epoch 1/1  step 1/2  loss nan  0 images/s");
}

TEST(ProgressLine, WritesDurationsAndCountsForPeople) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(59.2), "1m 00s");
  EXPECT_EQ(duration_text(3599), "59m 59s");
  EXPECT_EQ(duration_text(3900), "1h 05m");
  EXPECT_EQ(duration_text(1e5), "27h 46m");
  EXPECT_EQ(duration_text(std::nan("")), "?");
  EXPECT_EQ(duration_text(INFINITY), "?");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-123456), "-123,456");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

TEST(ProgressLine, IsDrawnAtMostTenTimesASecond) {
  test::Captured captured;
  double now = 0;
  Terminal terminal(captured.descriptor(), [] { return 120; });
  Log log(terminal, {});
  int drawn = 0;
  {
    Progress progress(terminal, log, /*quiet=*/false, [&] { return now; });
    for (int i = 0; i < 1000; ++i, now += 0.001) {
      progress.show(kStep, false);
      if (!captured.take().empty()) ++drawn;
    }
    EXPECT_GE(drawn, 9);
    EXPECT_LE(drawn, 11);
    progress.show("epoch 3/10  validating");  // at once: it may stay for long
    EXPECT_EQ(captured.take(), "\r\x1b[Kepoch 3/10  validating");
  }
  EXPECT_EQ(captured.take(), "\r\x1b[K");
}

TEST(ProgressLine, GoesToTheLogFileBesideALiveTerminal) {
  const test::TemporaryDirectory directory;
  test::Captured captured;
  Terminal terminal(captured.descriptor(), [] { return 120; });
  Log log(terminal, {});
  log.open_file(directory / "log.txt");
  Progress progress(terminal, log, /*quiet=*/false);
  progress.show(kStep, true);
  EXPECT_EQ(captured.take(), "\r\x1b[K" + progress_text(kStep, 119));
  EXPECT_THAT(test::read_text(directory / "log.txt"), HasSubstr("epoch 3/10  step 812/1563"));
}

TEST(ProgressLine, BecomesPlainLinesWithoutATerminal) {
  test::Captured captured;
  Terminal terminal(captured.descriptor(), nullptr);
  Log log(terminal, {});
  Progress progress(terminal, log, /*quiet=*/false);
  progress.show(kStep, false);
  progress.show("validating");
  EXPECT_EQ(captured.take(), "");
  progress.show(kStep, true);
  EXPECT_EQ(captured.take(), progress_text(kStep, 200) + "\n");
}

TEST(ProgressLine, IsAbsentWhenQuiet) {
  test::Captured captured;
  Terminal terminal(captured.descriptor(), [] { return 120; });
  Log log(terminal, {.rank = 0, .ranks = 1, .quiet = true});
  Progress progress(terminal, log, /*quiet=*/true);
  progress.show(kStep, true);
  EXPECT_EQ(captured.take(), "");
}

TEST(Rate, IsThatOfTheLastSeconds) {
  double now = 100;
  RateMeter meter([&] { return now; }, 5);
  EXPECT_EQ(meter.per_second(), 0);
  for (int i = 0; i < 10; ++i) {
    now += 1;
    meter.add(10);
  }
  EXPECT_DOUBLE_EQ(meter.per_second(), 10);
  for (int i = 0; i < 10; ++i) {
    now += 1;
    meter.add(1000);
  }
  EXPECT_DOUBLE_EQ(meter.per_second(), 1000);
  now += 60;
  meter.restart();
  EXPECT_EQ(meter.per_second(), 0);
  now += 1;
  meter.add(7);
  EXPECT_DOUBLE_EQ(meter.per_second(), 7) << "a pause does not count";
  now += 60;
  meter.add(60);
  EXPECT_DOUBLE_EQ(meter.per_second(), 1) << "a step longer than the window is measured whole";
}

}  // namespace
}  // namespace convoy
