#include "layers/model_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layers/layer_names.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using ::testing::ElementsAre;

/// The layers start at line 2, column 9.
testing::BuiltModel build(const std::string& input_shape, const std::string& layers) {
  return testing::build_from_yaml("input_shape: " + input_shape + "\nlayers: " + layers + "\n");
}

Model model_of(const std::string& input_shape, const std::string& layers) {
  return testing::model_from_yaml("input_shape: " + input_shape + "\nlayers: " + layers + "\n");
}

constexpr const char* kExample = R"(
    - conv2d: {filters: 32, kernel_size: 3, padding: same, activation: relu}
    - max_pooling2d: {pool_size: 2}
    - conv2d: {filters: 64, kernel_size: 3, padding: same, activation: relu}
    - max_pooling2d: {pool_size: 2}
    - conv2d: {filters: 128, kernel_size: 3, padding: same, activation: relu}
    - max_pooling2d: {pool_size: 2}
    - flatten
    - dense: {units: 128, activation: relu}
    - dense: {units: 10})";

std::vector<std::string> names_of(const Model& model) {
  std::vector<std::string> names;
  for (const LayerInfo& layer : model.layers) names.push_back(layer.name);
  return names;
}

TEST(ModelBuilder, CountsTheExamplesParametersAsKeras) {
  const Model model = model_of("[32, 32, 3]", kExample);
  std::vector<std::int64_t> counts;
  for (const LayerInfo& layer : model.layers) counts.push_back(layer.parameters);
  EXPECT_THAT(counts, ElementsAre(896, 0, 18496, 0, 73856, 0, 0, 262272, 1290));
  EXPECT_EQ(model.output, Shape({10}));
}

TEST(ModelBuilder, NamesLayersAndTensorsAsKeras) {
  const Model model = model_of("[8, 8, 3]", R"(
    - conv2d: {filters: 2, kernel_size: 3}
    - batch_normalization
    - leaky_relu
    - activation: {activation: relu}
    - conv2d: {filters: 2, kernel_size: 3, name: stem}
    - conv2d: {filters: 2, kernel_size: 1, use_bias: false}
    - relu
    - depthwise_conv2d: {kernel_size: 1}
    - global_average_pooling2d
    - dense: {units: 4}
    - softmax)");
  EXPECT_THAT(names_of(model),
              ElementsAre("conv2d", "batch_normalization", "leaky_re_lu", "activation", "stem", "conv2d_1",
                          "re_lu", "depthwise_conv2d", "global_average_pooling2d", "dense", "softmax"));
  std::vector<std::string> tensors;
  for (const ModelTensor& tensor : model.parameters) tensors.push_back(tensor.name);
  for (const ModelTensor& tensor : model.statistics) tensors.push_back(tensor.name);
  EXPECT_THAT(tensors,
              ElementsAre("conv2d/kernel", "conv2d/bias", "batch_normalization/gamma",
                          "batch_normalization/beta", "stem/kernel", "stem/bias", "conv2d_1/kernel",
                          "depthwise_conv2d/kernel", "depthwise_conv2d/bias", "dense/kernel", "dense/bias",
                          "batch_normalization/moving_mean", "batch_normalization/moving_variance"));
}

TEST(ModelBuilder, AlignsEveryTensorAndLetsNoneOverlap) {
  const Model model = model_of("[8, 8, 3]", R"(
    - conv2d: {filters: 5, kernel_size: 3}
    - batch_normalization
    - flatten
    - dense: {units: 7})");
  std::int64_t end = 0;
  for (const ModelTensor& tensor : model.parameters) {
    EXPECT_EQ(tensor.offset % 16, 0) << tensor.name;
    EXPECT_GE(tensor.offset, end) << tensor.name;
    EXPECT_LT(tensor.offset, end + 16) << tensor.name;
    end = tensor.offset + tensor.shape.elements();
  }
  EXPECT_GE(model.parameter_elements, end);
  EXPECT_EQ(model.statistics_elements, 32);
  EXPECT_EQ(model.statistics[1].offset, 16);
}

TEST(ModelBuilder, StoresADepthwiseKernelAsKerasAndComputesItInGroups) {
  const Model model = model_of("[8, 8, 3]", "[depthwise_conv2d: {kernel_size: [3, 5], depth_multiplier: 2}]");
  EXPECT_EQ(model.parameters[0].shape, Shape({3, 5, 3, 2}));
  EXPECT_EQ(model.ops[0].parameters[0].shape, Shape({3, 5, 1, 6}));
  EXPECT_EQ(std::get<Conv2dOp>(model.ops[0].kind).groups, 3);
  EXPECT_EQ(model.output, Shape({6, 4, 6}));
}

TEST(ModelBuilder, ContinuesAutomaticNamesPastExplicitOnesAsKeras) {
  const Model model = model_of("[4]", "[dense: {units: 1, name: a}, dense: {units: 1}, dense: {units: 1}]");
  EXPECT_THAT(names_of(model), ElementsAre("a", "dense", "dense_1"));
}

TEST(ModelBuilder, TakesTheOnlyRequiredParameterWithoutItsKey) {
  const Model model =
      model_of("[4]", "[dense: 3, activation: relu, dropout: 0.25, dense: {units: 2, name: last}]");
  EXPECT_EQ(model.output, Shape({2}));
  ASSERT_EQ(model.ops.size(), 4U);
  EXPECT_EQ(std::get<ActivationOp>(model.ops[1].kind).activation.kind, ActivationKind::relu);
  EXPECT_EQ(std::get<DropoutOp>(model.ops[2].kind).rate, 0.25);
  EXPECT_EQ(
      build("[4]", "[activation: rellu, dense: 2]").errors,
      "model.yaml:2:22: model.layers[0].activation.activation: unknown value 'rellu'; did you mean 'relu'?");
}

TEST(ModelBuilder, TakesTheOnlyParameterWithoutItsKey) {
  EXPECT_EQ(model_of("[4, 4, 1]", "[zero_padding2d: 2, zero_padding2d: [[1, 0], [0, 3]]]").output,
            Shape({9, 11, 1}));
}

TEST(ModelBuilder, SaysHowAnActivationIsWrittenAsALayer) {
  EXPECT_EQ(build("[4]", "[gelu, dense: 2]").errors,
            "model.yaml:2:10: model.layers[0].gelu: unknown layer; did you mean 'activation: gelu'?");
}

TEST(ModelBuilder, KeepsTheDimensionsOfAGlobalPoolIfAsked) {
  EXPECT_EQ(model_of("[4, 6, 3]", "[global_average_pooling2d: {keepdims: true}]").output, Shape({1, 1, 3}));
  EXPECT_EQ(model_of("[4, 6, 3]", "[global_average_pooling2d]").output, Shape({3}));
}

TEST(ModelBuilder, NormalisesTheLastAxisAlone) {
  EXPECT_EQ(build("[4, 4, 3]", "[batch_normalization: {axis: -1}, batch_normalization: {axis: 3}]").errors,
            "");
  EXPECT_EQ(build("[4]", "[batch_normalization: {axis: 1}]").errors, "");
  EXPECT_EQ(build("[4, 4, 3]", "[batch_normalization: {axis: 1}]").errors,
            "model.yaml:2:38: model.layers[0].batch_normalization.axis: channels are the last axis here, so "
            "only that can be normalised; use axis: -1");
}

TEST(ModelBuilder, TellsAMistakeInTheWholeListOnce) {
  EXPECT_EQ(build("[4]", "flatten").errors,
            "model.yaml:2:9: model.layers: got 'flatten'; give a list, each a layer");
  EXPECT_EQ(build("4", "[dense: 2]").errors,
            "model.yaml:1:14: model.input_shape: got '4'; give a list, each an integer");
}

TEST(ModelBuilder, RefusesANameThatIsTaken) {
  EXPECT_EQ(build("[4]", "[dense: {units: 1, name: a}, dense: {units: 1, name: a}]").errors,
            "model.yaml:2:62: model.layers[1].dense.name: model.layers[0] is named 'a'; choose another name");
  EXPECT_EQ(
      build("[4]", "[dense: {units: 1, name: dense_1}, dense: {units: 1}, dense: {units: 1}]").errors,
      "model.yaml:2:34: model.layers[0].dense.name: model.layers[2] is automatically named 'dense_1'; choose "
      "another name");
}

TEST(ModelBuilder, RefusesANameThatWeightsCannotBeStoredUnder) {
  EXPECT_EQ(
      build("[4]", "[dense: {units: 1, name: a/b}]").errors,
      "model.yaml:2:34: model.layers[0].dense.name: a layer's name holds no slash or control character; use "
      "letters, digits and _");
}

TEST(ModelBuilder, SaysThatADenseLayerNeedsAFlattenBeforeIt) {
  EXPECT_EQ(
      build("[8, 8, 3]", "[max_pooling2d, dense: {units: 10}]").errors,
      "model.yaml:2:25: model.layers[1].dense: takes a vector, but its input is an image [4, 4, 3]; add "
      "`- flatten` "
      "before it");
}

TEST(ModelBuilder, SaysWhichKernelIsLargerThanItsInput) {
  EXPECT_EQ(
      build("[8, 8, 3]", "[max_pooling2d, conv2d: {filters: 2, kernel_size: 5, name: wide}]").errors,
      "model.yaml:2:59: model.layers[1].conv2d.kernel_size: wide: a window of 5 x 5 pixels does not fit "
      "into its "
      "input of 4 x 4; use `padding: same`, a smaller kernel_size, or less pooling before it");
  EXPECT_EQ(build("[4, 4, 3]", "[conv2d: {filters: 2, kernel_size: [3, 1], dilation_rate: 2}]").errors,
            "model.yaml:2:31: model.layers[0].conv2d.kernel_size: a window of 5 x 1 pixels with its dilation "
            "does not fit "
            "into its input of 4 x 4; use `padding: same`, a smaller kernel_size, or less pooling before it");
  EXPECT_EQ(build("[1, 4, 3]", "[max_pooling2d]").errors,
            "model.yaml:2:10: model.layers[0].max_pooling2d.pool_size: a window of 2 x 2 pixels does not fit "
            "into its "
            "input of 1 x 4; use `padding: same`, a smaller pool_size, or less pooling before it");
}

TEST(ModelBuilder, RefusesStridesTogetherWithDilationAsKeras) {
  EXPECT_EQ(
      build("[8, 8, 3]", "[conv2d: {filters: 2, kernel_size: 2, strides: 2, dilation_rate: [1, 2]}]").errors,
      "model.yaml:2:59: model.layers[0].conv2d.dilation_rate: strides and dilation_rate cannot both exceed "
      "1, "
      "as in "
      "Keras; set one of them to 1");
}

TEST(ModelBuilder, SaysWhichGroupsDivideNoChannels) {
  EXPECT_EQ(build("[8, 8, 4]", "[conv2d: {filters: 6, kernel_size: 1, groups: 3}]").errors,
            "model.yaml:2:55: model.layers[0].conv2d.groups: 4 input channels cannot be divided into 3 "
            "groups; use a "
            "divisor of 4");
  EXPECT_EQ(
      build("[8, 8, 4]", "[conv2d: {filters: 6, kernel_size: 1, groups: 4}]").errors,
      "model.yaml:2:55: model.layers[0].conv2d.groups: 6 filters cannot be divided into 4 groups; use a "
      "divisor of 6");
  EXPECT_EQ(build("[8, 8, 4]", "[conv2d: {filters: 8, kernel_size: 1, groups: 3}]").errors,
            "model.yaml:2:55: model.layers[0].conv2d.groups: neither 4 input channels nor 8 filters can be "
            "divided into 3 groups; use a divisor of both");
}

TEST(ModelBuilder, SaysThatAnImageLayerComesTooLate) {
  EXPECT_EQ(build("[8, 8, 4]", "[flatten, max_pooling2d]").errors,
            "model.yaml:2:19: model.layers[1].max_pooling2d: needs an image [height, width, channels], but "
            "its input is "
            "[256]; put it before `- flatten`");
}

TEST(ModelBuilder, GoesOnBehindAMisfitToReportTheNext) {
  EXPECT_EQ(build("[4, 4, 3]", R"(
    - conv2d: {filters: 4, kernel_size: 5}
    - conv2d: {filters: 6, kernel_size: 1, groups: 3, padding: same}
    - max_pooling2d
    - dense: {units: 3})")
                .errors,
            "model.yaml:3:41: model.layers[0].conv2d.kernel_size: a window of 5 x 5 pixels does not fit into "
            "its input of "
            "4 x 4; use `padding: same`, a smaller kernel_size, or less pooling before it\n"
            "model.yaml:4:52: model.layers[1].conv2d.groups: conv2d_1: 4 input channels cannot be divided "
            "into 3 groups; "
            "use a divisor of 4\n"
            "model.yaml:6:7: model.layers[3].dense: takes a vector, but its input is an image [2, 2, 6]; add "
            "`- flatten` "
            "before it");
}

TEST(ModelBuilder, GoesOnBehindAnUnknownShapeWithTheNextDenseLayer) {
  EXPECT_EQ(build("[4, 4, 3]", "[flaten, max_pooling2d, dense: {units: 3}, max_pooling2d]").errors,
            "model.yaml:2:10: model.layers[0].flaten: unknown layer; did you mean 'flatten'?\n"
            "model.yaml:2:52: model.layers[3].max_pooling2d: max_pooling2d_1: needs an image [height, width, "
            "channels], but "
            "its input is "
            "[3]; put it before `- flatten`");
}

TEST(ModelBuilder, RefusesSizesThatNoMemoryHolds) {
  for (const char* layers :
       {"[flatten, dense: {units: 1e12}]", "[flatten, dense: {units: 9223372036854775807}]",
        "[conv2d: {filters: 1000000000000, kernel_size: 3}]",
        "[conv2d: {filters: 16777216, kernel_size: 65536, padding: same}]",
        "[conv2d: {filters: 16777216, kernel_size: 1}, flatten, dense: {units: 16777216}]",
        "[depthwise_conv2d: {kernel_size: 65536, padding: same, depth_multiplier: 65536}]",
        "[zero_padding2d: {padding: 1048576}, zero_padding2d: {padding: 1048576}]",
        "[zero_padding2d: {padding: 9223372036854775807}]",
        "[average_pooling2d: {pool_size: 1e18, strides: 1, padding: same}]"}) {
    const testing::BuiltModel built = build("[32, 32, 3]", layers);
    EXPECT_FALSE(built.model) << layers;
    EXPECT_NE(built.errors, "") << layers;
  }
  EXPECT_EQ(build("[32, 32, 3]", "[conv2d: {filters: 16777216, kernel_size: 65536, padding: same}]").errors,
            "model.yaml:2:10: model.layers[0].conv2d: its kernel [65536, 65536, 3, 16777216] is larger than "
            "any machine "
            "holds; choose smaller sizes");
}

TEST(ModelBuilder, TakesTheLargestWindowsWithoutOverflow) {
  const Model model = model_of("[1048576, 1, 1]", R"(
    - conv2d: {filters: 1, kernel_size: [65536, 1], dilation_rate: 65536, padding: same}
    - max_pooling2d: {pool_size: 65536, strides: 65536, padding: same})");
  EXPECT_EQ(model.output, Shape({16, 1, 1}));
}

TEST(ModelBuilder, RefusesAnInputThatIsNeitherImageNorVector) {
  for (const char* shape : {"[]", "[32, 32]", "[0, 1, 1]", "[-1]", "[1, 2, 3, 4]", "[99999999999, 1, 1]"})
    EXPECT_EQ(build(shape, "[flatten]").errors,
              "model.yaml:1:1: model.input_shape: not the shape of an image; give [height, width, channels] "
              "with extents "
              "from 1 to 1048576")
        << shape;
  EXPECT_EQ(build("[4]", "[]").errors,
            "model.yaml:2:1: model.layers: an empty list; add layers, as in - dense: {units: 10}");
}

TEST(LayerNames, AreKerasClassNamesInSnakeCase) {
  EXPECT_EQ(snake_case("Conv2D"), "conv2d");
  EXPECT_EQ(snake_case("LeakyReLU"), "leaky_re_lu");
  EXPECT_EQ(snake_case("ReLU"), "re_lu");
  EXPECT_EQ(snake_case("GlobalAveragePooling2D"), "global_average_pooling2d");
  EXPECT_EQ(snake_case("DepthwiseConv2D"), "depthwise_conv2d");
}

}  // namespace
}  // namespace convoy
