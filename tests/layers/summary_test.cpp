#include "layers/summary.h"

#include <gtest/gtest.h>

#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using testing::model_from_yaml;

constexpr const char* kExample = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 32, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d: {pool_size: 2}
  - conv2d: {filters: 64, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d: {pool_size: 2}
  - conv2d: {filters: 128, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d: {pool_size: 2}
  - flatten
  - dense: {units: 128, activation: relu}
  - dense: {units: 10}
)";

// The tables below are what keras.Sequential.summary() of Keras 3.15.1 prints.

TEST(Summary, IsKerasTable) {
  const std::string expected = R"(Model: "cifar10-cnn"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 32, 32, 32)     │           896 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 16, 16, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_1 (Conv2D)               │ (None, 16, 16, 64)     │        18,496 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d_1 (MaxPooling2D)  │ (None, 8, 8, 64)       │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_2 (Conv2D)               │ (None, 8, 8, 128)      │        73,856 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d_2 (MaxPooling2D)  │ (None, 4, 4, 128)      │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 2048)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 128)            │       262,272 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │         1,290 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 356,810 (1.36 MB)
 Trainable params: 356,810 (1.36 MB)
 Non-trainable params: 0 (0.00 B)
)";
  const std::string text = summary_text(model_from_yaml(kExample), "cifar10-cnn");
  EXPECT_EQ(text.substr(0, expected.size()), expected);
}

TEST(Summary, WrapsAndShortensAsKeras) {
  const std::string expected = R"(Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ a_very_long_name_for_a_layer_o… │ (None, 32, 32, 32)     │           896 │
│ (Conv2D)                        │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ batch_normalization             │ (None, 32, 32, 32)     │           128 │
│ (BatchNormalization)            │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ leaky_re_lu (LeakyReLU)         │ (None, 32, 32, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ activation (Activation)         │ (None, 32, 32, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 32, 32, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ global_average_pooling2d        │ (None, 32)             │             0 │
│ (GlobalAveragePooling2D)        │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ re_lu (ReLU)                    │ (None, 32)             │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ softmax (Softmax)               │ (None, 32)             │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 10)             │           330 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 1,354 (5.29 KB)
 Trainable params: 1,290 (5.04 KB)
 Non-trainable params: 64 (256.00 B)
)";
  const Model model = model_from_yaml(R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 32, kernel_size: 3, padding: same, name: a_very_long_name_for_a_layer_of_this_kind}
  - batch_normalization
  - leaky_relu
  - activation: {activation: relu}
  - dropout: {rate: 0.5}
  - global_average_pooling2d
  - relu
  - softmax
  - dense: {units: 10}
)");
  const std::string text = summary_text(model, "sequential");
  EXPECT_EQ(text.substr(0, expected.size()), expected);
}

TEST(Summary, EndsWithOperationsAndMemory) {
  // 2 * 9 * 3 + 1 operations for each of 8 * 8 * 2 outputs; one more for the relu.
  const std::string text =
      summary_text(model_from_yaml("{input_shape: [8, 8, 3], layers: [conv2d: {filters: 2, kernel_size: 3, "
                                   "padding: same, activation: relu}]}"),
                   "small");
  const std::string expected = " Forward FLOPs: 7,168 a sample\n Activations: 1.75 KB a sample in training";
  EXPECT_EQ(text.substr(text.size() - expected.size()), expected);
}

TEST(Summary, AsJsonHasTheDocumentedKeys) {
  const auto json = summary_json(model_from_yaml(kExample), "cifar10-cnn");
  EXPECT_EQ(json["total_parameters"], 356810);
  EXPECT_EQ(json["layers"].size(), 9U);
  EXPECT_EQ(json["layers"][2]["name"], "conv2d_1");
  EXPECT_EQ(json["layers"][2]["type"], "conv2d");
  EXPECT_EQ(json["layers"][2]["output_shape"], (std::vector<int>{16, 16, 64}));
  EXPECT_EQ(json["layers"][2]["parameters"], 18496);
}

}  // namespace
}  // namespace convoy
