// The promise, inside one process: ranks are threads, each with a replica, an engine and workers of its own.

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "comm/thread_communicator.h"
#include "core/data/shapes.h"
#include "launcher/evaluation.h"
#include "launcher/step_runner.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

constexpr const char* kExample = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 8, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d
  - conv2d: {filters: 12, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d
  - flatten
  - dense: {units: 16, activation: relu}
  - dense: {units: 10}
)";

constexpr const char* kEverything = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 6, kernel_size: 3, strides: 2, use_bias: false}
  - batch_normalization
  - relu
  - depthwise_conv2d: {kernel_size: 3, padding: same}
  - batch_normalization: {statistics: slice}
  - leaky_relu
  - average_pooling2d: {pool_size: 3, strides: 2, padding: same}
  - conv2d: {filters: 8, kernel_size: 3, groups: 2, activation: gelu}
  - batch_normalization: {scale: false}
  - dropout: {rate: 0.25}
  - zero_padding2d: {padding: 1}
  - global_average_pooling2d
  - dense: {units: 10, activation: tanh}
  - dense: {units: 10}
)";

struct Run {
  int ranks = 1;
  int threads = 1;
  GradientReducer::Mode reduce = GradientReducer::Mode::exact;
  std::optional<std::int64_t> bucket_bytes{};
  std::vector<int> hosts{};  ///< of each rank; empty: each has its own
  config::Precision precision = config::Precision::float32;
};

struct Outcome {
  std::string weights;
  std::vector<double> losses;
  double evaluation_loss = 0;
  std::vector<std::int64_t> confusion;
};

/// Trains one and a half epochs of 100 pictures in batches of 24, the last of an epoch of 4, in 8 slices.
Outcome train(const char* layers, const Run& run) {
  const Model model = testing::model_from_yaml(layers);
  const ShapesOptions shapes{.seed = 3, .train_samples = 100, .test_samples = 50};
  const DatasetPtr training = make_shapes(shapes, Split::train);
  const DatasetPtr test = make_shapes(shapes, Split::test);
  Outcome outcome;
  std::vector<std::string> weights(static_cast<std::size_t>(run.ranks));  // of each rank's replica
  run_ranks(
      run.ranks,
      [&](Communicator& communicator) {
        CpuEngine engine(model, {.threads = run.threads, .precision = run.precision});
        InputPipeline::Options options;
        options.scale = 1.0 / 255;
        options.augment = {RandomFlip{}, RandomCrop{.padding = 4}, Cutout{.size = 8}};
        options.seed = 11;
        const InputPipeline pipeline(training, options);
        const auto optimizer = make_adam({}, engine.backend().loops());
        TrainingState state(model, optimizer->slot_names(),
                            HostGroup::join(communicator, model.parameter_elements,
                                            [](const std::string& text) { ADD_FAILURE() << text; }));
        state.initialize(11, communicator);
        StepRunner::Options step;
        step.batches = {.samples = 100, .global_batch_size = 24, .slices = 8, .seed = 11};
        step.loss = SparseCategoricalCrossentropy{};
        step.learning_rate = {CosineDecay{0.01, 8, 0.1}, 2};
        step.global_clipnorm = 0.5;
        step.reduce = run.reduce;
        step.bucket_bytes = run.bucket_bytes;
        StepRunner runner(engine, pipeline, *optimizer, state, communicator, step);
        std::vector<double> losses;
        for (std::int64_t number = 0; number < 8; ++number) {
          const StepResult result = runner.step(number);
          ASSERT_FALSE(result.refused) << *result.refused;
          losses.push_back(result.loss);
        }
        NetworkEvaluator evaluator(engine.network(), engine.pool(), test->size());
        const EvaluationResult evaluation =
            evaluate(evaluator, InputPipeline(test, {.scale = 1.0 / 255}), state.current().parameters(),
                     state.current().statistics(), SparseCategoricalCrossentropy{}, communicator);
        weights[static_cast<std::size_t>(communicator.rank())] = state.weights_sha256();
        if (communicator.rank() == 0) outcome = {"", losses, evaluation.loss, evaluation.confusion};
      },
      run.hosts);
  for (const std::string& of_rank : weights) EXPECT_EQ(of_rank, weights.front());
  outcome.weights = weights.front();
  return outcome;
}

void expect_equal(const Outcome& outcome, const Outcome& expected, const std::string& what) {
  EXPECT_EQ(outcome.weights, expected.weights) << what;
  EXPECT_EQ(outcome.losses, expected.losses) << what;
  EXPECT_EQ(outcome.evaluation_loss, expected.evaluation_loss) << what;
  EXPECT_EQ(outcome.confusion, expected.confusion) << what;
}

TEST(Promise, AnyNumberOfRanksAndThreadsComputesTheSameBits) {
  for (const char* layers : {kExample, kEverything}) {
    const Outcome expected = train(layers, {});
    for (int ranks : {1, 2, 3, 4, 5, 8})
      for (int threads : {1, 2, 3}) {
        if (ranks == 1 && threads == 1) continue;
        expect_equal(train(layers, {.ranks = ranks, .threads = threads}), expected,
                     fmt::format("{} ranks, {} threads", ranks, threads));
      }
  }
}

TEST(Promise, RanksThatShareTheirHostsMemoryComputeTheSameBits) {
  for (const char* layers : {kExample, kEverything}) {
    const Outcome expected = train(layers, {});
    for (const std::vector<int>& hosts :
         std::vector<std::vector<int>>{{0, 0}, {0, 0, 1, 1}, {0, 1, 1, 1}, {0, 0, 0, 1, 2, 2, 2, 2}})
      for (int threads : {1, 2})
        expect_equal(
            train(layers, {.ranks = static_cast<int>(hosts.size()), .threads = threads, .hosts = hosts}),
            expected, fmt::format("hosts {}, {} threads", fmt::join(hosts, " "), threads));
  }
}

TEST(Promise, BucketsDecideNoBit) {
  const Outcome expected = train(kEverything, {});
  for (std::int64_t bytes : {1, 5000, 1 << 30})
    expect_equal(train(kEverything, {.ranks = 3, .threads = 2, .bucket_bytes = bytes}), expected,
                 fmt::format("buckets of {} bytes", bytes));
}

TEST(Promise, HoldsInBfloat16) {
  for (const char* layers : {kExample, kEverything}) {
    const Outcome expected = train(layers, {.precision = config::Precision::bfloat16});
    expect_equal(train(layers, {.ranks = 3, .threads = 2, .precision = config::Precision::bfloat16}),
                 expected, "3 ranks, 2 threads");
    EXPECT_NE(expected.weights, train(layers, {}).weights);
  }
}

TEST(Promise, NativeReductionDependsOnTheRanksAlone) {
  const Outcome two = train(kExample, {.ranks = 2, .reduce = GradientReducer::Mode::native});
  expect_equal(train(kExample, {.ranks = 2, .threads = 3, .reduce = GradientReducer::Mode::native}), two,
               "3 threads");
  EXPECT_NEAR(two.losses.back(), train(kExample, {}).losses.back(), 1e-3);
}

TEST(Promise, TrainingLearns) {
  const Outcome outcome = train(kExample, {});
  EXPECT_LT(outcome.losses.back(), outcome.losses.front());
}

}  // namespace
}  // namespace convoy
