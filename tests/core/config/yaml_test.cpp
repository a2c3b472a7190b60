#include <ctime>
#include <fstream>
#include <gtest/gtest.h>

#include "core/config/node.h"
#include "core/error.h"
#include "core/random.h"
#include "tests/support/temporary_directory.h"

namespace convoy::config {
namespace {

/// What parsing says, or the data on one line.
std::string parse(const std::string& text) {
  try {
    return write_line(parse_yaml(text, "f"));
  } catch (const ConfigError& error) {
    return error.what();
  }
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kSecondsAllowed = 10;
#else
constexpr double kSecondsAllowed = 1;
#endif

/// The same, and it must cost less than a second of one core.
std::string parse_quickly(const std::string& text) {
  const double start = thread_seconds();
  const std::string result = parse(text);
  EXPECT_LT(thread_seconds() - start, kSecondsAllowed) << text.substr(0, 40);
  return result;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

TEST(Yaml, KeepsDataOrderQuotesAndPlaces) {
  const Node node = parse_yaml("b: [1, 'two']\na:\n  c: x y\n  d:\n", "f");
  EXPECT_EQ(write_line(node), "{b: [1, \"two\"], a: {c: x y, d: null}}");
  EXPECT_EQ(node.children[0].children[1].location.to_string(), "f:1:8");
  EXPECT_TRUE(node.children[0].children[1].quoted);
  EXPECT_EQ(node.find("a")->find("c")->location.to_string(), "f:3:6");
  EXPECT_EQ(node.find("a")->find("c")->key_location.to_string(), "f:3:3");
  EXPECT_EQ(node.find("a")->find("d")->place().to_string(), "f:4:3");
}

TEST(Yaml, ReadsAnEmptyDocumentAsNothing) {
  EXPECT_EQ(parse(""), "null");
  EXPECT_EQ(parse("# only a comment\n"), "null");
}

TEST(Yaml, RefusesWhatAConfigDoesNotNeed) {
  EXPECT_EQ(parse("a: &x 1\n"), "f:1:4: an anchor (&name) is not supported here; remove it");
  EXPECT_EQ(parse("a: &x [1]\n"), "f:1:4: an anchor (&name) is not supported here; remove it");
  EXPECT_EQ(parse("a: !!python/object 1\n"),
            "f:1:4: a tag (tag:yaml.org,2002:python/object) is not supported here; remove it");
  EXPECT_EQ(parse("a: !thing {}\n"), "f:1:4: a tag (!thing) is not supported here; remove it");
  EXPECT_EQ(parse("a: 1\n---\nb: 2\n"), "f:3:1: a second document; keep one, and remove the '---' lines");
  EXPECT_EQ(parse("? [1, 2]\n: 3\n"),
            "f:1:3: a list or mapping as a key, or a bracket that is not closed; give keys as plain text");
  EXPECT_EQ(parse(": 3\n"), "f:1:1: a mapping's key is empty; give it a name");
}

TEST(Yaml, TellsAllDuplicateKeys) {
  EXPECT_EQ(parse("a: 1\nb: [{c: 1, c: 2}]\na: 3\n"),
            "f:2:12: b[0].c: given twice, first in line 2; keep one\n"
            "f:3:1: a: given twice, first in line 1; keep one");
}

TEST(Yaml, ExplainsBrokenSyntax) {
  EXPECT_EQ(parse("a:\n\tb: 1\n"), "f:2:3: a tab in the indentation; use spaces");
  EXPECT_EQ(parse("a: [1, 2\nb: 3\n"),
            "f:2:2: not YAML: end of sequence flow not found; check the indentation, colons and brackets "
            "here and in "
            "the lines above");
}

TEST(Yaml, RefusesWhatIsNoText) {
  EXPECT_EQ(parse(std::string("a: 1\nb: \0", 9)),
            "f:2:4: byte 0x00 is no text; save the config as plain UTF-8");
  EXPECT_EQ(parse("a: \xff\xfe"), "f:1:4: byte 0xff is no text; save the config as plain UTF-8");
  EXPECT_EQ(parse("\x7f"
                  "ELF"),
            "f:1:1: byte 0x7f is no text; save the config as plain UTF-8");
  EXPECT_EQ(parse("name: größe\n"), "{name: größe}");
}

TEST(Yaml, BoundsHostileDocuments) {
  EXPECT_EQ(parse_quickly("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
            "f:1:4: an anchor (&name) is not supported here; remove it");
  EXPECT_EQ(parse_quickly(repeated("[", 1'000'000)),
            "f:1:1: a list or mapping as a key, or a bracket that is not closed; give keys as plain text");
  EXPECT_EQ(parse_quickly(repeated("{a: ", 250'000)),
            "f:1:1: a list or mapping as a key, or a bracket that is not closed; give keys as plain text");
  const std::string closed = repeated("[", 70) + repeated("]", 70);
  EXPECT_EQ(parse_quickly("a: " + closed), "f:1:67: nested deeper than 64 levels; flatten it");
  EXPECT_EQ(parse_quickly(repeated("- ", 500'000)), "f:1:129: nested deeper than 64 levels; flatten it");
  EXPECT_EQ(parse_quickly(repeated("x", (1 << 20) + 1)),
            "f:1:1: larger than 1048576 bytes; a config is a small text file");
  EXPECT_EQ(parse_quickly("[" + repeated("1,", 500'000) + "]"),
            "f:1:200002: more than 100000 values; shorten the file");
  std::string keys;
  for (int i = 0; i < 70'000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(parse_quickly(keys), "f:1001:1: more than 1000 keys in one mapping; shorten it");
}

TEST(Yaml, TakesTimeInProportionToAnyRepeatedToken) {
  for (const std::string token :
       {"? ",   ": ", "- - ",       "a: ", "{",    "}",   "[{",  ",",     "'",           "\"", "|\n",
        ">\n ", "# ", "---\n",      "%",   "&a ",  "*a ", "! ",  "a:\n ", "? a\n",       "\\", "\n",
        " ",    "\t", "a: |\n x\n", "{a,", "[a: ", "\r",  "a\n", "...\n", "\xef\xbb\xbf"}) {
    parse_quickly(repeated(token, (std::size_t{1} << 18) / token.size()));
  }
}

TEST(Yaml, ReadsFilesOnlyUpToTheLimit) {
  const test::TemporaryDirectory directory;
  const std::string path = (directory.path() / "big.yaml").string();
  std::ofstream(path) << repeated("# comment\n", 20 << 20 >> 1);
  try {
    parse_yaml_file(path);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), path + ":1:1: larger than 1048576 bytes; a config is a small text file");
  }
  EXPECT_THROW(parse_yaml_file((directory.path() / "none.yaml").string()), ConfigError);
  EXPECT_THROW(parse_yaml_file(directory.path().string()), ConfigError);
}

TEST(Yaml, WritesWhatItReadsBack) {
  for (const std::string text :
       {"{a: 1, b: [x, {c: d}], e: {}, f: []}", "{a: \"1\", b: \"true\", c: \"null\", d: \"\", e: \"a: b\"}",
        "{a: \"line\\nbreak\", b: \"quote\\\"\", c: \"back\\\\slash\", d: \"tab\\tend\", e: \"# no "
        "comment\"}",
        "{\"key with spaces\": 1, \"yes\": 2}", "[[1, 2], [[3]], {a: [1]}]"}) {
    const Node node = parse_yaml(text, "f");
    const Node again = parse_yaml(write_yaml(node), "g");
    EXPECT_TRUE(same_data(node, again)) << write_yaml(node);
    EXPECT_EQ(write_line(node), write_line(again));
  }
}

/// Random changes of a config: whatever comes of it, it ends in data or in a ConfigError.
TEST(Yaml, SurvivesRandomDamage) {
  const std::string config =
      "name: test\ndata:\n  shapes: {train_samples: 10}\nmodel:\n  layers:\n    - conv2d: {filters: 32, "
      "kernel_size: [3, 3]}\n"
      "    - flatten\n    - dense:\n        units: 10\ntrain: {epochs: 1}\n";
  const std::string bytes = "{}[],:-?&*!|>'\"%@`#\n \t0a\xff~<=";
  for (std::uint64_t run = 0; run < 5'000; ++run) {
    const RandomStream stream(run, RandomPurpose::test, 0);
    std::string damaged = config;
    const auto changes = stream(0, 0, 0)[0] % 6 + 1;
    for (std::uint32_t change = 0; change < changes; ++change) {
      const auto draw = stream(1, change, 0);
      const std::size_t at = draw[0] % damaged.size();
      const char byte = bytes[draw[1] % bytes.size()];
      if (draw[2] % 3 == 0) damaged[at] = byte;
      if (draw[2] % 3 == 1) damaged.insert(at, 1, byte);
      if (draw[2] % 3 == 2) damaged.erase(at, draw[3] % 8);
    }
    const std::string result = parse(damaged);
    EXPECT_FALSE(result.empty()) << damaged;
  }
}

}  // namespace
}  // namespace convoy::config
