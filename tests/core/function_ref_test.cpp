#include "core/function_ref.h"

#include <gtest/gtest.h>
#include <string>

namespace convoy {
namespace {

std::string twice(FunctionRef<std::string(const std::string&)> work) { return work(work("a")); }

TEST(FunctionRef, CallsWhatItRefersToWithItsState) {
  int calls = 0;
  const std::string suffix = "b";
  EXPECT_EQ(twice([&](const std::string& text) {
              ++calls;
              return text + suffix;
            }),
            "abb");
  EXPECT_EQ(calls, 2);
}

TEST(FunctionRef, PassesArgumentsOn) {
  const auto add = [](int& sum, int value) { sum += value; };
  const FunctionRef<void(int&, int)> reference = add;
  const auto copy = reference;
  int sum = 1;
  reference(sum, 2);
  copy(sum, 4);
  EXPECT_EQ(sum, 7);
}

}  // namespace
}  // namespace convoy
