#include "launcher/watchdog.h"

#include <chrono>
#include <future>
#include <gtest/gtest.h>

namespace convoy {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, TellsWhereARankStoodStill) {
  std::promise<Watchdog::Stall> stall;
  Watchdog watchdog(0.2, [&](const Watchdog::Stall& what) { stall.set_value(what); });
  watchdog.enter("waiting for other ranks' gradients", 12);
  auto told = stall.get_future();
  ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
  const Watchdog::Stall what = told.get();
  EXPECT_EQ(what.where, "after step 12, waiting for other ranks' gradients");
  EXPECT_DOUBLE_EQ(what.seconds, 0.2);
}

TEST(Watchdog, IsPatientWithPhasesThatTakeLonger) {
  std::promise<Watchdog::Stall> stall;
  Watchdog watchdog(0.2, [&](const Watchdog::Stall& what) { stall.set_value(what); });
  const auto start = std::chrono::steady_clock::now();
  watchdog.enter("saving", 12, 5);
  auto told = stall.get_future();
  ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
  EXPECT_GT(std::chrono::steady_clock::now() - start, 0.9s);
  EXPECT_DOUBLE_EQ(told.get().seconds, 1.0);
}

TEST(Watchdog, BeatsKeepItQuiet) {
  std::atomic<bool> stalled{false};
  Watchdog watchdog(2, [&](const Watchdog::Stall&) { stalled = true; });
  for (int i = 0; i < 60; ++i) {
    watchdog.beat();
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_FALSE(stalled);
}

TEST(Watchdog, TakesAnotherTimeoutWhileItWatches) {
  std::promise<Watchdog::Stall> stall;
  Watchdog watchdog(3600, [&](const Watchdog::Stall& what) { stall.set_value(what); });
  watchdog.enter("opening the data", 0);
  watchdog.set_timeout(0.2);
  auto told = stall.get_future();
  ASSERT_EQ(told.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(told.get().where, "while opening the data");
}

TEST(Watchdog, TakesAnImmenseTimeoutForNever) {
  std::atomic<bool> stalled{false};
  Watchdog watchdog(1e300, [&](const Watchdog::Stall&) { stalled = true; });
  std::this_thread::sleep_for(200ms);
  EXPECT_FALSE(stalled);
}

TEST(Watchdog, EndsAtOnce) {
  const auto start = std::chrono::steady_clock::now();
  {
    Watchdog watchdog(3600, [](const Watchdog::Stall&) {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

}  // namespace
}  // namespace convoy
