#include "launcher/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace convoy {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST(Version, NamesTheBuildAndItsLibraries) {
  EXPECT_THAT(short_version(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+ \\([^ ]+\\)"));
  const std::string text = version_text();
  EXPECT_THAT(text,
              StartsWith("convoy " + short_version().substr(0, short_version().find(' ')) + " (commit "));
  for (const char* fact : {"built as ", "OpenBLAS ", "oneDNN ", "CUDA ", "build ID "})
    EXPECT_THAT(text, HasSubstr(fact));
}

TEST(Version, IdentifiesTheBinary) { EXPECT_THAT(build_id(), MatchesRegex("[0-9a-f]{32,128}")); }

}  // namespace
}  // namespace convoy
