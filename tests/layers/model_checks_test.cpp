#include "layers/model_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Checked {
  std::string errors;
  std::vector<std::string> warnings;
};

Checked check(const std::string& layers, bool from_logits = true, double scale = 1.0 / 255,
              std::int64_t classes = 10) {
  const Model model = testing::model_from_yaml("{input_shape: [8, 8, 3], layers: " + layers + "}");
  config::Experiment experiment;
  experiment.loss = config::SparseCategoricalCrossentropy{.from_logits = from_logits};
  experiment.data.scale = scale;
  config::Diagnostics diagnostics;
  Checked checked;
  checked.warnings = check_model(model, experiment, {8, 8, 3}, classes, diagnostics);
  checked.errors = diagnostics.text();
  return checked;
}

TEST(ModelChecks, SayNothingOfASoundModel) {
  EXPECT_EQ(check("[flatten, dense: {units: 10}]").errors, "");
  EXPECT_THAT(check("[flatten, dense: {units: 10}]").warnings, IsEmpty());
  EXPECT_THAT(check("[flatten, dense: {units: 10, activation: softmax}]", false).warnings, IsEmpty());
  EXPECT_THAT(check("[flatten, dense: {units: 10}, softmax]", false).warnings, IsEmpty());
}

TEST(ModelChecks, RefuseFewerOutputsThanClasses) {
  EXPECT_THAT(
      check("[flatten, dense: {units: 9}]").errors,
      ::testing::EndsWith("model.layers[1].dense: 9 outputs for 10 classes; the last layer needs 10"));
}

TEST(ModelChecks, RefuseAnOutputThatIsNoVector) {
  EXPECT_THAT(check("[conv2d: {filters: 10, kernel_size: 3}]").errors,
              ::testing::EndsWith(
                  "model.layers[0].conv2d: the stack ends in [6, 6, 10], but the loss takes one number a "
                  "class; end it with `- flatten` and `- dense: {units: 10}`"));
}

TEST(ModelChecks, RefuseAModelWithNothingToTrain) {
  EXPECT_THAT(
      check("[flatten, softmax]", false).errors,
      ::testing::EndsWith("model.layers: no layer has anything to train; add one that has, such as - dense: "
                          "{units: 10}"));
}

TEST(ModelChecks, RefuseAnotherInputThanTheData) {
  const Model model =
      testing::model_from_yaml("{input_shape: [8, 8, 1], layers: [flatten, dense: {units: 10}]}");
  config::Diagnostics diagnostics;
  config::Experiment experiment;
  check_model(model, experiment, {8, 8, 3}, 10, diagnostics);
  EXPECT_THAT(diagnostics.text(),
              ::testing::EndsWith("model.input_shape: the data's pictures are [8, 8, 3]; use "
                                  "input_shape: [8, 8, 3]"));
}

TEST(ModelChecks, WarnOfASoftmaxTooManyOrMissing) {
  EXPECT_THAT(
      check("[flatten, dense: {units: 10, activation: softmax}]").warnings,
      ElementsAre(
          "model.layers[1].dense: a softmax, but the loss has from_logits: true and applies its own; remove "
          "one of the two"));
  EXPECT_THAT(
      check("[flatten, dense: {units: 10}]", false).warnings,
      ElementsAre(
          "model.layers[1].dense: no softmax, but the loss has from_logits: false and takes probabilities; "
          "set from_logits: true"));
}

TEST(ModelChecks, WarnOfAReluBeforeTheLoss) {
  EXPECT_THAT(
      check("[flatten, dense: {units: 10, activation: relu}]").warnings,
      ElementsAre(
          "model.layers[1].dense: a relu before the loss keeps logits from falling below 0; remove it"));
}

TEST(ModelChecks, WarnOfUnscaledPixels) {
  EXPECT_THAT(
      check("[flatten, dense: {units: 10}]", true, 1.0).warnings,
      ElementsAre("data.scale: pixels from 0 to 255 go into the model as they are; set scale: 1/255"));
}

TEST(ModelChecks, WarnOfMoreOutputsThanClasses) {
  EXPECT_THAT(check("[flatten, dense: {units: 100}]").warnings,
              ElementsAre("model.layers[1].dense: 100 outputs for 10 classes; 90 of them are never right"));
}

}  // namespace
}  // namespace convoy
