#include "layers/worker_pool.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "core/error.h"

namespace convoy {
namespace {

TEST(WorkerPool, RunsEveryItemOnceForAnyNumberOfWorkers) {
  for (int workers : {1, 2, 3, 8}) {
    WorkerPool pool(workers);
    for (std::int64_t items : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(items));
      pool.run(items, [&](int worker, std::int64_t item) {
        ASSERT_LT(worker, workers);
        ++runs[static_cast<std::size_t>(item)];
      });
      for (const auto& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST(WorkerPool, StartsEachThreadOnce) {
  std::atomic<int> started{0};
  {
    WorkerPool pool(3, [&] { ++started; });
  }
  EXPECT_EQ(started, 3);
}

TEST(WorkerPool, ThrowsAFailureAndGoesOn) {
  WorkerPool pool(3);
  for (int repeat = 0; repeat < 50; ++repeat) {
    try {
      pool.run(8, [](int, std::int64_t item) {
        if (item >= 3) throw std::runtime_error(std::to_string(item));
      });
      FAIL() << "no exception";
    } catch (const std::runtime_error& error) {
      EXPECT_GE(std::stoi(error.what()), 3);
    }
    std::atomic<int> runs{0};
    pool.run(5, [&](int, std::int64_t) { ++runs; });
    EXPECT_EQ(runs, 5);
  }
}

/// Threads until the address space is used up, in a process of its own; its exit code.
[[noreturn]] void start_too_many_threads() {
  const rlimit limit{std::size_t{1} << 30, std::size_t{1} << 30};
  setrlimit(RLIMIT_AS, &limit);
  try {
    WorkerPool pool(100'000);
  } catch (const DeviceError& error) {
    std::fputs(error.what(), stderr);
    std::_Exit(5);
  }
  std::_Exit(0);
}

TEST(WorkerPoolDeathTest, SaysThatThreadsCannotBeStarted) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory does not fit into a limit";
#endif
  EXPECT_EXIT(start_too_many_threads(), testing::ExitedWithCode(5),
              "only [0-9]+ of 100000 threads could be started .*distributed.threads_per_rank");
}

}  // namespace
}  // namespace convoy
