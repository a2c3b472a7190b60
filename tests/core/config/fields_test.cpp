#include "core/config/fields.h"

#include <array>
#include <gtest/gtest.h>

#include "core/config/json.h"

namespace convoy::config {
namespace {

enum class Padding { valid, same };
constexpr auto enum_names(Padding) {
  return std::array{EnumName{Padding::valid, "valid"}, EnumName{Padding::same, "same"}};
}

struct LeakyRelu {
  static constexpr std::string_view kName = "leaky_relu";
  static constexpr std::string_view kHelp = "a small slope below zero";
  double negative_slope = 0.2;
  static void fields(Fields<LeakyRelu>& f) {
    f.optional("negative_slope", &LeakyRelu::negative_slope, "slope below zero", at_least(0));
  }
};
struct Linear {
  static constexpr std::string_view kName = "linear";
  static constexpr std::string_view kHelp = "the identity";
  static void fields(Fields<Linear>&) {}
};

struct Conv {
  std::int64_t filters = 0;
  Size2d kernel_size;
  std::optional<Size2d> strides;
  Padding padding = Padding::valid;
  bool use_bias = true;
  std::variant<Linear, LeakyRelu> activation;
  static void fields(Fields<Conv>& f) {
    f.required("filters", &Conv::filters, "number of output channels", at_least(1));
    f.required("kernel_size", &Conv::kernel_size, "the window", at_least(1));
    f.optional("strides", &Conv::strides, "the window's step", at_least(1));
    f.optional("padding", &Conv::padding, "what to add around the input");
    f.optional("use_bias", &Conv::use_bias, "whether to add a bias");
    f.optional("activation", &Conv::activation, "applied to the output");
  }
  static void check(const Conv& self, const Place& place) {
    if (self.filters % 2 != 0) place.error("filters", "odd; give an even number");
  }
};
struct Flatten {
  static void fields(Fields<Flatten>&) {}
};

struct Net {
  std::vector<Choice> layers;
  static void fields(Fields<Net>& f) { f.required("layers", &Net::layers, "the stack", items(1)); }
};

Catalogs catalogs() {
  Catalogs result;
  result.layers.entries = {described<Conv>("conv", "slides"), described<Flatten>("flatten", "flattens")};
  return result;
}

/// Reads `text` as a T: the errors, or the struct written out.
template <class T>
std::string read(const std::string& text) {
  const auto document = std::make_shared<const Node>(parse_yaml(text, "f"));
  Diagnostics diagnostics(document);
  T value;
  const auto type = describe<T>(catalogs());
  const bool sound = type->read({*document, "", diagnostics}, &value);
  EXPECT_EQ(sound, diagnostics.empty());
  return sound ? write_yaml(type->write(&value)) : diagnostics.text();
}

std::string read_layers(const std::string& text) { return read<Net>(text); }

template <class T>
struct One {
  T value{};
  static Rule rule;
  static void fields(Fields<One>& f) { f.optional("v", &One::value, "a value", rule); }
};
template <class T>
Rule One<T>::rule;

/// Reads "v: text" as a T.
template <class T>
std::string one(const std::string& text, const Rule& rule = {}) {
  One<T>::rule = rule;
  return read<One<T>>("v: " + text);
}

TEST(Fields, WriteEveryDefaultOutAndReadItBack) {
  const std::string written = read_layers("layers: [conv: {filters: 4, kernel_size: 3}, flatten]");
  EXPECT_EQ(written,
            "layers:\n"
            "  - conv:\n"
            "      filters: 4\n"
            "      kernel_size: [3, 3]\n"
            "      strides: none\n"
            "      padding: valid\n"
            "      use_bias: true\n"
            "      activation: linear\n"
            "  - flatten\n");
  EXPECT_EQ(read_layers(written), written);
}

TEST(Fields, NameTheNearestKey) {
  EXPECT_EQ(read_layers("layers:\n  - conv: {filers: 4, kernel_size: 3}\n"),
            "f:2:12: layers[0].conv.filers: unknown key; did you mean 'filters'?");
  EXPECT_EQ(read_layers("layers:\n  - conv: {Kernel-Size: 3, filters: 2}\n"),
            "f:2:12: layers[0].conv.Kernel-Size: unknown key; did you mean 'kernel_size'?");
  EXPECT_EQ(read_layers("layers:\n  - conv: {filters: 2, kernel_size: 3, zzzzzz: 1}\n"),
            "f:2:40: layers[0].conv.zzzzzz: unknown key; possible: filters, kernel_size, strides, padding, "
            "use_bias or "
            "activation");
  EXPECT_EQ(read_layers("layers:\n  - flatten: {order: 1}\n"),
            "f:2:15: layers[0].flatten.order: unknown key; it takes no parameters");
}

TEST(Fields, TellMissingKeys) {
  EXPECT_EQ(read_layers("layers:\n  - conv: {filters: 2}\n"),
            "f:2:5: layers[0].conv.kernel_size: missing (the window); give an integer of at least 1 or a "
            "list [height, "
            "width]");
  EXPECT_EQ(read_layers("{}"), "f:1:1: layers: missing (the stack); give a list of at least 1, each a layer");
  EXPECT_EQ(read_layers(""), "f:1:1: layers: missing (the stack); give a list of at least 1, each a layer");
}

TEST(Fields, CheckAcrossKeysOnlyWhatIsSound) {
  EXPECT_EQ(read_layers("layers:\n  - conv: {filters: 3, kernel_size: 1}\n"),
            "f:2:21: layers[0].conv.filters: odd; give an even number");
  EXPECT_EQ(read_layers("layers:\n  - conv: {filters: 3, kernel_size: 0}\n"),
            "f:2:37: layers[0].conv.kernel_size: got '0'; give an integer of at least 1");
}

TEST(Fields, TellEveryErrorInOrder) {
  EXPECT_EQ(read_layers("layers:\n"
                        "  - conv: {filters: 0, kernel_size: [3, x], padding: sane}\n"
                        "  - con: {filters: 2}\n"
                        "  - 7\n"),
            "f:2:21: layers[0].conv.filters: got '0'; give an integer of at least 1\n"
            "f:2:41: layers[0].conv.kernel_size[1]: 'x' is not an integer; give an integer of at least 1\n"
            "f:2:54: layers[0].conv.padding: unknown value 'sane'; did you mean 'same'?\n"
            "f:3:5: layers[1].con: unknown layer; did you mean 'conv'?\n"
            "f:4:5: layers[2].7: unknown layer; possible: conv or flatten");
}

TEST(Fields, ExplainTheShapeOfALayerEntry) {
  EXPECT_EQ(read_layers("layers:\n  - conv:\n    filters: 2\n"),
            "f:3:5: layers[0].filters: stands beside 'conv', not inside it; indent it further than 'conv'");
  EXPECT_EQ(read_layers("layers:\n  - conv: {filters: 2, kernel_size: 1}\n    flatten:\n"),
            "f:3:5: layers[0].flatten: a second layer beside 'conv'; start it with a '- ' of its own");
  EXPECT_EQ(read_layers("layers:\n  - conv: 2\n"),
            "f:2:11: layers[0].conv: got '2'; give a mapping, as in {filters: …}");
  EXPECT_EQ(
      read_layers("layers:\n  - []\n"),
      "f:2:5: layers[0]: got a list; give a layer: its name, or a mapping of its name to its parameters");
  EXPECT_EQ(read_layers("layers: conv\n"),
            "f:1:9: layers: got 'conv'; give a list of at least 1, each a layer");
  EXPECT_EQ(read_layers("layers: []\n"),
            "f:1:1: layers: a list of 0 values; give a list of at least 1, each a layer");
}

TEST(Fields, TakeALayersNameInsideAndBeside) {
  EXPECT_EQ(read_layers("layers:\n  - flatten: {name: flat}\n"), "layers: [{flatten: {name: flat}}]\n");
  EXPECT_EQ(read_layers("layers:\n  - flatten:\n    name: flat\n"), "layers: [{flatten: {name: flat}}]\n");
  EXPECT_EQ(read_layers("layers:\n  - name: flat\n    flatten:\n"), "layers: [{flatten: {name: flat}}]\n");
  EXPECT_EQ(read_layers("layers:\n  - flatten: {name: [1]}\n"),
            "f:2:15: layers[0].flatten.name: got a list; give a name, as in name: stem");
}

TEST(Fields, KeepPlaceAndParametersOfAChoice) {
  const auto document = std::make_shared<const Node>(
      parse_yaml("layers:\n  - flatten\n  - conv: {filters: 4, kernel_size: [1, 2], name: a}", "f"));
  Diagnostics diagnostics(document);
  Net net;
  describe<Net>(catalogs())->read({*document, "", diagnostics}, &net);
  const Choice& conv = net.layers.at(1);
  EXPECT_EQ(conv.type, "conv");
  EXPECT_EQ(conv.index, 0u);
  EXPECT_EQ(conv.name, "a");
  EXPECT_EQ(conv.path, "layers[1].conv");
  EXPECT_TRUE(conv.sound);
  EXPECT_EQ(conv.as<Conv>().kernel_size, (Size2d{1, 2}));
  EXPECT_THROW(conv.as<Flatten>(), DefectError);
  diagnostics.error(conv.path, "does not fit; change it");
  diagnostics.error(net.layers.at(0).path, "too early; move it");
  EXPECT_EQ(diagnostics.text(),
            "f:2:5: layers[0].flatten: too early; move it\nf:3:5: layers[1].conv: does not fit; change it");
  EXPECT_TRUE(diagnostics.has_error_at("layers"));
  EXPECT_FALSE(diagnostics.has_error_at("layer"));
}

TEST(Values, Integers) {
  EXPECT_EQ(one<std::int64_t>("32"), "v: 32\n");
  EXPECT_EQ(one<std::int64_t>("-7"), "v: -7\n");
  EXPECT_EQ(one<std::int64_t>("+7"), "v: 7\n");
  EXPECT_EQ(one<std::int64_t>("1e6"), "v: 1000000\n");
  EXPECT_EQ(one<std::int64_t>("9223372036854775807"), "v: 9223372036854775807\n");
  EXPECT_EQ(one<std::uint64_t>("18446744073709551615"), "v: 18446744073709551615\n");
  EXPECT_EQ(one<std::int64_t>("9223372036854775808"),
            "f:1:4: v: '9223372036854775808' does not fit a 64-bit integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("1e30"),
            "f:1:4: v: '1e30' does not fit; write its digits out; give an integer");
  EXPECT_EQ(one<std::int64_t>("1.5"), "f:1:4: v: '1.5' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("32.0"), "f:1:4: v: '32.0' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("1e-3"), "f:1:4: v: '1e-3' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("010"),
            "f:1:4: v: '010' starts with a zero, which may mean octal; give an integer");
  EXPECT_EQ(one<std::int64_t>("0x10"), "f:1:4: v: '0x10' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("1_000"), "f:1:4: v: '1_000' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("'3'"), "f:1:4: v: \"3\" is text, not a number; give an integer");
  EXPECT_EQ(one<std::int64_t>("true"), "f:1:4: v: 'true' is not an integer; give an integer");
  EXPECT_EQ(one<std::int64_t>("[1]"), "f:1:1: v: got a list; give an integer");
  EXPECT_EQ(one<std::int64_t>(""), "f:1:1: v: got nothing; give an integer");
  EXPECT_EQ(one<std::int64_t>(std::string(100, '9')),
            "f:1:4: v: got '" + std::string(60, '9') + "…'; give an integer");
  EXPECT_EQ(one<std::uint64_t>("-1"), "f:1:4: v: '-1' is negative; give an integer of at least 0");
  EXPECT_EQ(one<std::uint8_t>("256"), "f:1:4: v: '256' is out of range; give an integer from 0 to 255");
  EXPECT_EQ(one<std::uint8_t>("70000"), "f:1:4: v: '70000' is out of range; give an integer from 0 to 255");
  EXPECT_EQ(one<int>("3000000000"), "f:1:4: v: '3000000000' is out of range; give an integer");
  EXPECT_EQ(one<int>("12", between(1, 9)), "f:1:4: v: got '12'; give an integer from 1 to 9");
}

TEST(Values, Numbers) {
  EXPECT_EQ(one<double>("1/255"), "v: 0.00392156862745098\n");
  EXPECT_EQ(one<double>("-1/4"), "v: -0.25\n");
  EXPECT_EQ(one<double>("3e-4"), "v: 3.0e-04\n");  // YAML 1.1 reads 3e-04 as text
  EXPECT_EQ(one<double>(".5"), "v: 0.5\n");
  EXPECT_EQ(one<double>("2"), "v: 2\n");
  EXPECT_EQ(one<double>("0.1"), "v: 0.1\n");
  EXPECT_EQ(one<double>("1/0"), "f:1:4: v: '1/0' divides by zero; give a number");
  EXPECT_EQ(one<double>("1/2/3"), "f:1:4: v: '1/2/3' is not a number; give a number");
  EXPECT_EQ(one<double>("1e999"), "f:1:4: v: '1e999' does not fit a 64-bit float; give a number");
  EXPECT_EQ(one<double>(".nan"), "f:1:4: v: '.nan' is not a number; give a number");
  EXPECT_EQ(one<double>("inf"), "f:1:4: v: 'inf' is not a number; give a number");
  EXPECT_EQ(one<double>("0x1p3"), "f:1:4: v: '0x1p3' is not a number; give a number");
  EXPECT_EQ(one<double>("0,1"), "f:1:4: v: '0,1' is not a number; give a number");
  EXPECT_EQ(one<double>("1", at_least(0).below(1)),
            "f:1:4: v: got '1'; give a number of at least 0 and below 1");
  EXPECT_EQ(one<double>("0", above(0)), "f:1:4: v: got '0'; give a number above 0");
}

TEST(Values, EveryDoubleSurvivesTheRoundTrip) {
  for (const double value : {0.1, 1.0 / 255, 1e-7, 5e-324, 1.7976931348623157e308, 123456789.123456789}) {
    const One<double> before{value};
    One<double> after;
    Diagnostics diagnostics;
    const auto type = describe<One<double>>();
    const Node node = parse_yaml(write_yaml(type->write(&before)), "f");
    EXPECT_TRUE(type->read({node, "", diagnostics}, &after));
    EXPECT_EQ(after.value, value);
  }
}

TEST(Values, WordsAndText) {
  EXPECT_EQ(one<bool>("true"), "v: true\n");
  EXPECT_EQ(one<bool>("yes"), "f:1:4: v: got 'yes'; give true or false");
  EXPECT_EQ(one<bool>("'true'"), "f:1:4: v: got \"true\"; give true or false");
  EXPECT_EQ(one<Padding>("same"), "v: same\n");
  EXPECT_EQ(one<Padding>("full"), "f:1:4: v: unknown value 'full'; possible: valid or same");
  EXPECT_EQ(one<std::string>("a b"), "v: \"a b\"\n");
  EXPECT_EQ(one<std::string>("2024"), "v: \"2024\"\n");
  EXPECT_EQ(one<std::string>("''", items(1)),
            "f:1:4: v: got 0 characters; give text of at least 1 character");
  EXPECT_EQ(one<std::string>("{a: 1}"), "f:1:1: v: got a mapping; give text");
}

TEST(Values, KeywordsBesideValues) {
  using Limit = std::optional<std::int64_t>;
  EXPECT_EQ(one<Limit>("none"), "v: none\n");
  EXPECT_EQ(one<Limit>("null"), "v: none\n");
  EXPECT_EQ(one<Limit>("3"), "v: 3\n");
  EXPECT_EQ(one<Limit>("nono"), "f:1:4: v: unknown value 'nono'; did you mean 'none'?");
  EXPECT_EQ(one<Limit>("0", at_least(1)), "f:1:4: v: got '0'; give none or an integer of at least 1");
  EXPECT_EQ(one<Auto<double>>("auto"), "v: auto\n");
  EXPECT_EQ(one<Auto<double>>("2.5"), "v: 2.5\n");
  EXPECT_EQ(one<Auto<double>>("none"), "f:1:4: v: 'none' is not a number; give auto or a number");
  EXPECT_EQ(one<std::optional<std::string>>("none"), "v: none\n");
  EXPECT_EQ(one<std::optional<std::string>>("'none'"), "v: \"none\"\n");
}

TEST(Values, SizesAndPaddings) {
  EXPECT_EQ(one<Size2d>("3"), "v: [3, 3]\n");
  EXPECT_EQ(one<Size2d>("[3, 5]"), "v: [3, 5]\n");
  EXPECT_EQ(one<Size2d>("[3]"), "f:1:1: v: got a list; give an integer or a list [height, width]");
  EXPECT_EQ(one<Padding2d>("1"), "v: [[1, 1], [1, 1]]\n");
  EXPECT_EQ(one<Padding2d>("[1, 2]"), "v: [[1, 1], [2, 2]]\n");
  EXPECT_EQ(one<Padding2d>("[[1, 2], [3, 4]]"), "v: [[1, 2], [3, 4]]\n");
  EXPECT_EQ(one<Padding2d>("[[1, 2], [3]]"),
            "f:1:13: v[1]: got a list; give an integer or a list [height, width]");
}

TEST(Values, ListsAndMappings) {
  using List = std::vector<double>;
  EXPECT_EQ(one<List>("[1, 1/2]"), "v: [1, 0.5]\n");
  EXPECT_EQ(one<List>("[]"), "v: []\n");
  EXPECT_EQ(
      one<List>("[1, x, y]"),
      "f:1:8: v[1]: 'x' is not a number; give a number\nf:1:11: v[2]: 'y' is not a number; give a number");
  EXPECT_EQ(one<List>("[1]", items(2, 2)), "f:1:1: v: a list of 1 value; give a list of 2, each a number");
  EXPECT_EQ(one<List>("1"), "f:1:4: v: got '1'; give a list, each a number");
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(one<Map>("{b: u, a: w}"), "v: {a: w, b: u}\n");
  EXPECT_EQ(one<Map>("{a: [1]}"), "f:1:5: v.a: got a list; give text");
}

TEST(Values, ALayersRateOrOneOfSeveralNames) {
  using Rate = std::variant<double, LeakyRelu, Linear>;
  EXPECT_EQ(one<Rate>("0.5"), "v: 0.5\n");
  EXPECT_EQ(one<Rate>("linear"), "v: linear\n");
  EXPECT_EQ(one<Rate>("{linear: }"), "v: linear\n");
  EXPECT_EQ(one<Rate>("leaky_relu"), "v: {leaky_relu: {negative_slope: 0.2}}\n");
  EXPECT_EQ(one<Rate>("leaky"), "f:1:4: v: unknown value 'leaky'; did you mean 'leaky_relu'?");
  EXPECT_EQ(one<Rate>("tanh"), "f:1:4: v: unknown value 'tanh'; give a number, leaky_relu or linear");
  EXPECT_EQ(one<Rate>("{leaky_relu: {slope: 1}}"),
            "f:1:18: v.leaky_relu.slope: unknown key; possible: negative_slope");
  EXPECT_EQ(one<Rate>("{leaky_relu: , linear: }"),
            "f:1:19: v.linear: a second name beside 'leaky_relu'; keep one of them");
  EXPECT_EQ(one<Rate>("-1", at_least(0)), "f:1:4: v: got '-1'; give a number of at least 0");
}

}  // namespace
}  // namespace convoy::config
