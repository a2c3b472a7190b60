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

struct Linear {
  static constexpr std::string_view kName = "linear";
  static constexpr std::string_view kHelp = "the identity";
  static void fields(Fields<Linear>&) {}
};
struct LeakyRelu {
  static constexpr std::string_view kName = "leaky_relu";
  static constexpr std::string_view kHelp = "a small slope below zero";
  double negative_slope = 0.2;
  static void fields(Fields<LeakyRelu>& f) {
    f.optional("negative_slope", &LeakyRelu::negative_slope, "slope below zero", at_least(0));
  }
};

struct Conv {
  std::int64_t filters = 0;
  Size2d kernel_size;
  std::optional<Size2d> strides;
  Padding padding = Padding::valid;
  bool use_bias = true;
  std::variant<Linear, LeakyRelu> activation;
  Auto<std::int64_t> tile;
  static void fields(Fields<Conv>& f) {
    f.required("filters", &Conv::filters, "number of output channels", at_least(1));
    f.required("kernel_size", &Conv::kernel_size, "the window", at_least(1));
    f.optional("strides", &Conv::strides, "the window's step", at_least(1));
    f.optional("padding", &Conv::padding, "what to add around the input");
    f.optional("use_bias", &Conv::use_bias, "whether to add a bias");
    f.optional("activation", &Conv::activation, "applied to the output");
    f.optional("tile", &Conv::tile, "rows at once", at_least(1));
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
  std::map<std::string, std::string> kernels;
  std::variant<double, LeakyRelu> rate = 0.5;
  static void fields(Fields<Net>& f) {
    f.required("layers", &Net::layers, "the stack", items(1));
    f.optional("kernels", &Net::kernels, "providers");
    f.optional("rate", &Net::rate, "a rate", above(0).at_most(1));
  }
};

Catalogs catalogs() {
  Catalogs result;
  result.layers.entries = {described<Conv>("conv", "slides"), described<Flatten>("flatten", "flattens")};
  return result;
}

/// Reads `text`; the errors, or the written-out struct.
std::string read(const std::string& text) {
  const auto document = std::make_shared<const Node>(parse_yaml(text, "f"));
  Diagnostics diagnostics(document);
  Net net;
  const auto type = describe<Net>(catalogs());
  type->read({*document, "", diagnostics}, &net);
  return diagnostics.empty() ? write_yaml(type->write(&net)) : diagnostics.text();
}

std::string read_layer(const std::string& parameters) {
  return read("layers:\n  - conv: {" + parameters + "}\n");
}

TEST(Fields, WritesEveryDefaultOut) {
  const std::string written = read("layers: [conv: {filters: 4, kernel_size: 3}, flatten]");
  EXPECT_EQ(written,
            "layers:\n"
            "  - conv:\n"
            "      filters: 4\n"
            "      kernel_size: [3, 3]\n"
            "      strides: none\n"
            "      padding: valid\n"
            "      use_bias: true\n"
            "      activation: linear\n"
            "      tile: auto\n"
            "  - flatten\n"
            "kernels: {}\n"
            "rate: 0.5\n");
  EXPECT_EQ(read(written), written);
}

TEST(Fields, NamesTheNearestKey) {
  EXPECT_EQ(read_layer("filers: 4, kernel_size: 3"),
            "f:2:12: layers[0].conv.filers: unknown key; did you mean 'filters'?");
}

}  // namespace
}  // namespace convoy::config
