#include <gtest/gtest.h>

#include "core/config/node.h"
#include "core/error.h"

namespace convoy::config {
namespace {

std::string set(const std::string& text, const std::string& assignment) {
  Node root = parse_yaml(text, "f");
  try {
    apply_override(root, assignment);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return write_line(root);
}

TEST(Override, ReplacesAndAddsValues) {
  EXPECT_EQ(set("{a: {b: 1}}", "a.b=2"), "{a: {b: 2}}");
  EXPECT_EQ(set("{a: {b: 1}}", "a.c=[1, x]"), "{a: {b: 1, c: [1, x]}}");
  EXPECT_EQ(set("{a: 1}", "a={b: 2}"), "{a: {b: 2}}");
  EXPECT_EQ(set("{a: 1}", "b.c.d=x"), "{a: 1, b: {c: {d: x}}}");
  EXPECT_EQ(set("{a: 1}", "a=x=y"), "{a: x=y}");
  EXPECT_EQ(set("", "a=1"), "{a: 1}");
  EXPECT_EQ(set("{a: 1}", "a="), "{a: null}");
}

TEST(Override, ReachesIntoListsAndBareNames) {
  EXPECT_EQ(set("{l: [x, {conv: {f: 1}}]}", "l[1].conv.f=2"), "{l: [x, {conv: {f: 2}}]}");
  EXPECT_EQ(set("{l: [x, {conv: {f: 1}}]}", "l.1.conv.f=2"), "{l: [x, {conv: {f: 2}}]}");
  EXPECT_EQ(set("{l: [x, y]}", "l[0].x.f=2"), "{l: [{x: {f: 2}}, y]}");
  EXPECT_EQ(set("{o: adam}", "o.adam.rate=2"), "{o: {adam: {rate: 2}}}");
  EXPECT_EQ(set("{o: {adam: }}", "o.adam.rate=2"), "{o: {adam: {rate: 2}}}");
  EXPECT_EQ(set("{l: [[1, 2]]}", "l[0][1]=3"), "{l: [[1, 3]]}");
}

TEST(Override, SaysWhatIsWrong) {
  EXPECT_EQ(set("{a: 1}", "a"), "--set a: not an assignment; write it as --set train.epochs=5");
  EXPECT_EQ(set("{a: 1}", "=1"), "--set =1: not an assignment; write it as --set train.epochs=5");
  EXPECT_EQ(set("{a: 1}", "a..b=1"),
            "--set a..b: not a key path; write it as in model.layers[2].conv2d.filters");
  EXPECT_EQ(set("{a: 1}", "a[0=1"),
            "--set a[0: a bracket is not closed; write it as in model.layers[2].conv2d.filters");
  EXPECT_EQ(set("{a: [1]}", "a[x]=1"),
            "--set a[x]: 'x' is not an index; write it as in model.layers[2].conv2d.filters");
  EXPECT_EQ(set("{a: [1, 2]}", "a[2]=1"), "--set a[2]: a has 2 entries, numbered from 0; there is no [2]");
  EXPECT_EQ(set("{a: [1, 2]}", "a.b=1"), "--set a.b: a is a list; name one of its entries, as in a[0]");
  EXPECT_EQ(set("{a: 5}", "a.b=1"), "--set a.b: a is '5', which has no 'b' inside; set a itself");
  EXPECT_EQ(set("[1]", "b=1"), "--set b: the config is a list; name one of its entries, as in the config[0]");
  EXPECT_EQ(
      set("{a: 5}", "a=[1"),
      "--set a:1:1: a list or mapping as a key, or a bracket that is not closed; give keys as plain text");
  EXPECT_EQ(set("{a: 5}", "a=&x 1"), "--set a:1:1: an anchor (&name) is not supported here; remove it");
}

TEST(Override, NamesTheCommandLineAsItsPlace) {
  Node root = parse_yaml("{a: 1}", "f");
  apply_override(root, "b.c=[1]");
  EXPECT_EQ(root.find("b")->find("c")->children[0].location.to_string(), "--set b.c");
  EXPECT_EQ(root.find("b")->key_location.to_string(), "--set b.c");
}

TEST(Flatten, ListsEveryLeaf) {
  using Leaves = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(flatten(parse_yaml("{a: 1, b: [x, {c: d}], e: {}, f: [], g: null}", "f")),
            (Leaves{{"a", "1"}, {"b[0]", "x"}, {"b[1].c", "d"}, {"e", "{}"}, {"f", "[]"}, {"g", "none"}}));
}

}  // namespace
}  // namespace convoy::config
