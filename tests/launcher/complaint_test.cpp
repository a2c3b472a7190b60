#include "launcher/complaint.h"

#include <gtest/gtest.h>

namespace convoy {
namespace {

TEST(Complaints, BeginWithTheProgramUnlessTheyBeginWithAPlace) {
  EXPECT_EQ(error_text("a b.yaml:12:7: seed: wrong"), "a b.yaml:12:7: seed: wrong");
  EXPECT_EQ(error_text("--set seed: wrong"), "--set seed: wrong");
  EXPECT_EQ(error_text("b.yaml: cannot read"), "convoy: b.yaml: cannot read");
  EXPECT_EQ(error_text("b.yaml:12: wrong"), "convoy: b.yaml:12: wrong");
  EXPECT_EQ(error_text("b.yaml::7: wrong"), "convoy: b.yaml::7: wrong");
  EXPECT_EQ(error_text(":12:7: wrong"), "convoy: :12:7: wrong");
  EXPECT_EQ(error_text("12:7: wrong"), "convoy: 12:7: wrong");
  EXPECT_EQ(error_text("no weights"), "convoy: no weights");
  EXPECT_EQ(error_text(""), "convoy: ");
}

}  // namespace
}  // namespace convoy
