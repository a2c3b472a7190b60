#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

#include "comm/self_communicator.h"
#include "core/data/shapes.h"
#include "launcher/step_runner.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

// The gradients that a training step hands to the optimizer, against the same network in double.
//
// A ReLU and a maximum decide which way the gradient takes. Where rounding turns one that is close, the
// layers before it get another gradient, as correct as the first: one such decision among 64 pictures moves
// theirs by 1e-3, while those behind it stay within 5e-7. So the batches here are of pictures none of whose
// decisions is close.

namespace convoy {
namespace {

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

constexpr const char* kOtherConvolutions = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 16, kernel_size: 5, strides: 2, padding: same, use_bias: false}
  - batch_normalization
  - relu
  - conv2d: {filters: 32, kernel_size: 3, padding: same, activation: relu}
  - average_pooling2d: {pool_size: 2}
  - conv2d: {filters: 32, kernel_size: 1, activation: relu}
  - conv2d: {filters: 32, kernel_size: 3, strides: 2, padding: same, use_bias: false}
  - batch_normalization
  - relu
  - conv2d: {filters: 48, kernel_size: 5, padding: same, activation: relu}
  - global_average_pooling2d
  - dense: {units: 10}
)";

constexpr std::int64_t kSamples = 8, kSlices = 2;
/// How near a decision may be to its turning point, as a part of the tensor's root mean square: several times
/// what float rounds by.
constexpr double kMargin = 1e-5;

/// Some samples of another data set.
class Chosen : public Dataset {
 public:
  Chosen(DatasetPtr base, std::vector<std::int64_t> samples)
      : Dataset("chosen", base->sample_shape(), numbered_classes(10),
                static_cast<std::int64_t>(samples.size())),
        base_(std::move(base)),
        samples_(std::move(samples)) {}
  int label(std::int64_t i) const override { return base_->label(samples_[static_cast<std::size_t>(i)]); }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    base_->read(samples_[static_cast<std::size_t>(i)], hwc);
  }

 private:
  DatasetPtr base_;
  std::vector<std::int64_t> samples_;
};

InputPipeline pipeline_of(const DatasetPtr& dataset) {
  InputPipeline::Options options;
  options.scale = 1.0 / 255;
  options.mean = {0.5};
  options.std = {0.25};
  return {dataset, options};
}

struct Inputs {
  std::vector<std::vector<double>> samples;  ///< as the float network sees them
  std::vector<std::int32_t> labels;
};

Inputs inputs_of(const InputPipeline& pipeline) {
  Inputs inputs;
  std::vector<float> x(static_cast<std::size_t>(pipeline.dataset().sample_bytes()));
  for (std::int64_t i = 0; i < pipeline.dataset().size(); ++i) {
    pipeline.fill_evaluation({i, i + 1}, x.data(), &inputs.labels.emplace_back());
    inputs.samples.emplace_back(x.begin(), x.end());
  }
  return inputs;
}

double root_mean_square(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

double relu_margin(std::span<const double> x) {
  double nearest = INFINITY;
  for (const double value : x) nearest = std::min(nearest, std::fabs(value));
  return nearest / root_mean_square(x);
}

/// Of windows without overlap and padding over what a ReLU gave: where all is zero, so is the gradient.
double maximum_margin(const Op& op, std::span<const double> x) {
  const Window2d& w = std::get<Pool2dOp>(op.kind).window;
  const std::int64_t channels = op.input[2];
  double nearest = INFINITY;
  for (std::int64_t y = 0; y < op.output[0]; ++y)
    for (std::int64_t column = 0; column < op.output[1]; ++column)
      for (std::int64_t c = 0; c < channels; ++c) {
        double largest = 0, second = 0;
        for (std::int64_t u = 0; u < w.height; ++u)
          for (std::int64_t v = 0; v < w.width; ++v) {
            const std::int64_t pixel = (y * w.stride_y + u) * op.input[1] + column * w.stride_x + v;
            const double value = x[static_cast<std::size_t>(pixel * channels + c)];
            second = std::max(second, std::min(largest, value));
            largest = std::max(largest, value);
          }
        if (largest > 0) nearest = std::min(nearest, largest - second);
      }
  return nearest / root_mean_square(x);
}

/// How near the nearest of a sample's decisions is.
double margin_of(const Model& model, const std::vector<std::vector<double>>& op_outputs) {
  double nearest = INFINITY;
  for (std::size_t i = 1; i < model.ops.size(); ++i) {
    const auto* activation = std::get_if<ActivationOp>(&model.ops[i].kind);
    if (activation && activation->activation.kind == ActivationKind::relu)
      nearest = std::min(nearest, relu_margin(op_outputs[i - 1]));
    const auto* pool = std::get_if<Pool2dOp>(&model.ops[i].kind);
    if (pool && pool->kind == Pool2dOp::Kind::max)
      nearest = std::min(nearest, maximum_margin(model.ops[i], op_outputs[i - 1]));
  }
  return nearest;
}

/// Replaces samples until no decision of any is near.
DatasetPtr decided_samples(const Model& model, std::span<const double> parameters) {
  const DatasetPtr shapes = make_shapes({.seed = 5, .train_samples = 400, .test_samples = 1}, Split::train);
  const testing::SerialRunner runner(model);
  std::vector<std::int64_t> samples(kSamples);
  std::iota(samples.begin(), samples.end(), 0);
  for (std::int64_t next = kSamples;;) {
    auto chosen = std::make_shared<Chosen>(shapes, samples);
    const auto result = runner.train(parameters, inputs_of(pipeline_of(chosen)).samples, {});
    bool near = false;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (margin_of(model, result.op_outputs[i]) >= kMargin) continue;
      samples[i] = next++;
      near = true;
    }
    if (!near) return chosen;
  }
}

std::vector<double> gradient_in_double(const Model& model, std::span<const double> parameters,
                                       const Inputs& inputs) {
  const testing::SerialRunner runner(model);
  std::vector<std::vector<double>> gradients;
  const auto outputs = runner.train(parameters, inputs.samples, {}).outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    gradients.emplace_back(outputs[i].size());
    const LossArgs<double> args{
        1, 10, outputs[i].data(), &inputs.labels[i], 1.0 / kSamples, gradients.back().data()};
    SparseCategoricalCrossentropy{}(args);
  }
  return runner.train(parameters, inputs.samples, gradients).grad_parameters;
}

/// Keeps the gradient that it is given, and lets the weights be.
class Keeping : public Optimizer {
 public:
  explicit Keeping(std::span<const float> weights) : weights_(weights), gradient(weights.size()) {}
  std::vector<std::string> slot_names() const override { return {}; }
  bool update(const UpdateStep&, const UpdateRange& range) const override {
    std::ranges::copy(range.gradient, gradient.begin() + (range.weights.data() - weights_.data()));
    std::ranges::copy(range.weights, range.new_weights.begin());
    return true;
  }

 private:
  std::span<const float> weights_;

 public:
  mutable std::vector<float> gradient;
};

std::vector<float> gradient_of_step(const Model& model, const DatasetPtr& dataset,
                                    config::Precision precision) {
  CpuEngine engine(model, {.threads = 2, .precision = precision});
  const InputPipeline pipeline = pipeline_of(dataset);
  TrainingState state(model, {});
  initialize(model, 11, state.current().parameters(), state.current().statistics());
  const Keeping optimizer(state.current().parameters());
  StepRunner::Options options;
  options.batches = {.samples = kSamples, .global_batch_size = kSamples, .slices = kSlices, .shuffle = false};
  options.loss = SparseCategoricalCrossentropy{};
  options.learning_rate = {ConstantRate{0.01}};
  const auto communicator = make_self_communicator();
  StepRunner runner(engine, pipeline, optimizer, state, *communicator, options);
  EXPECT_FALSE(runner.step(0).refused);
  return optimizer.gradient;
}

/// `bound`: of the norm of each tensor's error, as a part of the tensor's norm.
void expect_accurate_gradients(const char* layers, config::Precision precision, double bound) {
  const Model model = testing::model_from_yaml(layers);
  TrainingState state(model, {});
  initialize(model, 11, state.current().parameters(), state.current().statistics());
  const auto weights = state.current().parameters();
  const std::vector<double> exact(weights.begin(), weights.end());
  const DatasetPtr samples = decided_samples(model, exact);
  const auto expected = gradient_in_double(model, exact, inputs_of(pipeline_of(samples)));
  const auto gradient = gradient_of_step(model, samples, precision);
  for (const ModelTensor& tensor : model.parameters) {
    double error = 0, norm = 0;
    const auto begin = static_cast<std::size_t>(tensor.offset);
    for (std::size_t i = begin; i < begin + static_cast<std::size_t>(tensor.shape.elements()); ++i) {
      error += std::pow(static_cast<double>(gradient[i]) - expected[i], 2);
      norm += std::pow(expected[i], 2);
    }
    EXPECT_GT(norm, 0) << tensor.name;
    EXPECT_LE(std::sqrt(error / norm), bound) << tensor.name;
  }
}

TEST(GradientAccuracy, OfTheExampleIsThatOfFloat) {
  expect_accurate_gradients(kExample, config::Precision::float32, 2e-6);
}
TEST(GradientAccuracy, OfOtherConvolutionsPoolingsAndBatchNormalizationIsThatOfFloat) {
  expect_accurate_gradients(kOtherConvolutions, config::Precision::float32, 2e-6);
}
TEST(GradientAccuracy, WithSplitFactorsIsNearlyThatOfFloat) {
  expect_accurate_gradients(kExample, config::Precision::split_bfloat16, 2e-5);
  expect_accurate_gradients(kOtherConvolutions, config::Precision::split_bfloat16, 2e-5);
}
TEST(GradientAccuracy, WithBfloat16FactorsFollowsTheirRoundingAndTheDecisionsThatItTurns) {
  expect_accurate_gradients(kExample, config::Precision::bfloat16, 0.15);
  expect_accurate_gradients(kOtherConvolutions, config::Precision::bfloat16, 0.15);
}

}  // namespace
}  // namespace convoy
