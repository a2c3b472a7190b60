#include "launcher/hash.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

TEST(Hash, MatchesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, DoesNotDependOnThePieces) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span("a", 1)));
  hash.update({});
  hash.update(std::as_bytes(std::span("bc", 2)));
  EXPECT_EQ(hash.hex(), sha256_hex("abc"));
}

TEST(Hash, ReadsFiles) {
  const test::TemporaryDirectory directory;
  test::write_text(directory / "abc", "abc");
  test::write_text(directory / "empty", "");
  EXPECT_EQ(sha256_of_file(directory / "abc"), sha256_hex("abc"));
  EXPECT_THROW(sha256_of_file(directory / "empty"), CheckpointError);
  EXPECT_THROW(sha256_of_file(directory / "absent"), CheckpointError);
  EXPECT_THROW(sha256_of_file(directory.path()), CheckpointError);
}

}  // namespace
}  // namespace convoy
