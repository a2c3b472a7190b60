#include <gtest/gtest.h>

#include "core/config/experiment.h"
#include "core/config/json.h"
#include "tests/support/json_schema.h"
#include "tests/support/two_layers.h"

namespace convoy::config {
namespace {

std::string against_schema(const std::string& text) {
  static const Json schema = Json::parse(to_json_schema(catalogs()));
  return test::JsonSchema::check(schema, to_json(parse_yaml(text, "f")));
}

const std::string kSmall =
    "data: {shapes: }\nmodel: {input_shape: [9], layers: [flatten, dense: {units: 3, name: x}]}\n";

TEST(Schema, AcceptsWhatTheParserAccepts) {
  for (const std::string extra :
       {"", "optimizer: adam\n",
        "optimizer: {sgd: {learning_rate: {cosine_decay: {initial_learning_rate: 1}}}}\n",
        "optimizer: {adam: {learning_rate: 1/1000}}\n", "train: {slices: auto, validation: none}\n",
        "train: {slices: 4, validation: 0.1, early_stopping: {}}\n",
        "train: {validation: test, kernels: {a: b}}\n", "metrics: []\n", "seed: 18446744073709551615\n",
        "faults: [{rank: 1, step: 2, kind: nan}]\n", "loss: sparse_categorical_crossentropy\n"}) {
    EXPECT_EQ(against_schema(kSmall + extra), "") << extra;
  }
  EXPECT_EQ(
      against_schema(
          "data: {mnist: {path: x}, scale: 1/255, mean: dataset, std: [1, 2], augment: [random_flip, cutout: "
          "{size: 3}]}\nmodel: {input_shape: [9], layers: [{flatten: , name: f}]}\n"),
      "");
}

TEST(Schema, AcceptsAResolvedConfig) {
  Diagnostics diagnostics;
  const Experiment e = read_experiment(parse_yaml(kSmall, "f"), "small", catalogs(), {}, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  EXPECT_EQ(against_schema(to_yaml(e, catalogs())), "");
}

TEST(Schema, RefusesWhatTheParserRefuses) {
  EXPECT_EQ(against_schema("data: {shapes: }\n"), ": no \"model\"");
  for (const std::string extra :
       {"train: {epochs: 0}\n", "train: {epochs: many}\n", "trian: {}\n", "train: {slices: none}\n",
        "optimizer: rmsprop\n", "optimizer: {adam: {beta_1: 1}}\n", "metrics: [recall]\n", "seed: 1.5\n",
        "faults: [{rank: 1}]\n", "train: {validation: 2}\n", "distributed: {backend: tpu}\n"}) {
    EXPECT_NE(against_schema(kSmall + extra), "") << extra;
  }
  EXPECT_NE(against_schema("data: {}\nmodel: {input_shape: [9], layers: [flatten]}\n"), "");
  EXPECT_NE(
      against_schema("data: {shapes: , mnist: {path: x}}\nmodel: {input_shape: [9], layers: [flatten]}\n"),
      "");
  EXPECT_NE(against_schema("data: {mnist: }\nmodel: {input_shape: [9], layers: [flatten]}\n"), "");
  EXPECT_NE(against_schema("data: {shapes: }\nmodel: {input_shape: [9], layers: [dense]}\n"), "");
  EXPECT_NE(against_schema("data: {shapes: }\nmodel: {input_shape: [9], layers: [dense: {unit: 3}]}\n"), "");
}

}  // namespace
}  // namespace convoy::config
