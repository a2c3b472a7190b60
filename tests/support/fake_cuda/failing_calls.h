#pragma once

#include <cstdint>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "core/error.h"
#include "core/function_ref.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::fake_cuda {

/// Runs `body` again and again, with its first call of CUDA failing, then the second, …, until a run makes
/// fewer calls. Each time it must throw an Error whose message is one line, or go on where the call only
/// gives something back, and leave nothing behind.
inline void expect_each_failure_to_be_clean(Options options, FunctionRef<void()> body) {
  for (options.failing_call = 1;; ++options.failing_call) {
    const Machine machine(options);
    std::string error;
    try {
      body();
    } catch (const Error& failure) {
      error = failure.what();
    }
    const std::string failed = machine.failed_call();
    EXPECT_EQ(machine.leaks(), "") << "after " << failed << " failed";
    if (failed.empty()) {
      EXPECT_EQ(error, "");
      EXPECT_GT(options.failing_call, 1) << "no call was made";
      return;
    }
    const bool gives_back =
        failed.find("Free") != std::string::npos || failed.find("Destroy") != std::string::npos;
    EXPECT_EQ(error.empty(), gives_back) << failed << ": " << error;
    EXPECT_THAT(error, testing::Not(testing::HasSubstr("\n"))) << failed;
  }
}

}  // namespace convoy::fake_cuda
