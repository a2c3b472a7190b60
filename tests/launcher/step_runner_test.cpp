#include "launcher/step_runner.h"

#include <gtest/gtest.h>
#include <limits>

#include "comm/thread_communicator.h"
#include "core/data/shapes.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

constexpr const char* kLayers = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 4, kernel_size: 3, strides: 4}
  - batch_normalization
  - relu
  - flatten
  - dense: {units: 80, activation: relu}
  - dense: {units: 10}
)";

constexpr float kMarked = 0.01234F;

/// Stochastic gradient descent that makes the weights of one value infinite, in its first step alone.
class Spoiling : public Optimizer {
 public:
  explicit Spoiling(const simd::Table& loops) : sgd_(make_sgd({}, loops)) {}
  std::vector<std::string> slot_names() const override { return {}; }
  bool update(const UpdateStep& step, const UpdateRange& range) const override {
    bool finite = sgd_->update(step, range);
    for (std::size_t i = 0; i < range.weights.size() && step.number == 1; ++i) {
      if (range.weights[i] != kMarked) continue;
      range.new_weights[i] = std::numeric_limits<float>::infinity();
      finite = false;
    }
    return finite;
  }

 private:
  std::unique_ptr<Optimizer> sgd_;
};

/// Takes two steps on so many ranks, the weight at `marked` set to kMarked; the first must be refused on all,
/// without a trace, and the second taken.
void expect_first_step_refused(int ranks, std::int64_t marked, double scale = 1.0 / 255) {
  const Model model = testing::model_from_yaml(kLayers);
  const DatasetPtr training = make_shapes({.seed = 3, .train_samples = 48, .test_samples = 1}, Split::train);
  run_ranks(ranks, [&](Communicator& communicator) {
    CpuEngine engine(model, {});
    InputPipeline::Options input;
    input.scale = scale;
    const InputPipeline pipeline(training, input);
    const Spoiling optimizer(engine.backend().loops());
    TrainingState state(model, {});
    initialize(model, 11, state.current().parameters(), state.current().statistics());
    if (marked >= 0) state.current().parameters()[static_cast<std::size_t>(marked)] = kMarked;
    StepRunner::Options options;
    options.batches = {.samples = 48, .global_batch_size = 24, .slices = 4, .seed = 11};
    options.loss = SparseCategoricalCrossentropy{};
    options.learning_rate = {ConstantRate{0.01}};
    options.bucket_bytes = 1;
    StepRunner runner(engine, pipeline, optimizer, state, communicator, options);
    const std::string before = state.weights_sha256();
    const StepResult refused = runner.step(0);
    EXPECT_TRUE(refused.refused && refused.refused->find("not finite") != std::string::npos) << marked;
    EXPECT_TRUE(std::isfinite(refused.loss));
    EXPECT_EQ(state.weights_sha256(), before);
    if (marked < 0) return;
    const StepResult taken = runner.step(1);
    EXPECT_FALSE(taken.refused) << *taken.refused;
    EXPECT_NE(state.weights_sha256(), before);
  });
}

TEST(StepRunner, RefusesAnUpdateThatMakesOneWeightInfiniteOnAllRanks) {
  const std::int64_t elements = testing::model_from_yaml(kLayers).parameter_elements;
  for (int ranks : {1, 3})
    for (std::int64_t marked : {std::int64_t{0}, elements / 3, elements / 2, elements - 7})
      expect_first_step_refused(ranks, marked);
}

TEST(StepRunner, RefusesMovingStatisticsThatOverflowThoughTheLossDoesNot) {
  for (int ranks : {1, 2}) expect_first_step_refused(ranks, -1, 1e25);
}

}  // namespace
}  // namespace convoy
