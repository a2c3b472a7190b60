#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "core/data/shapes.h"
#include "launcher/step_runner.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using testing::AllocationCounter;
using testing::Uncounted;

constexpr const char* kLayers = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 16, kernel_size: 3, padding: same, activation: relu}
  - max_pooling2d: {pool_size: 2}
  - conv2d: {filters: 32, kernel_size: 3, padding: same}
  - batch_normalization
  - relu
  - average_pooling2d: {pool_size: 2}
  - conv2d: {filters: 32, kernel_size: 5, strides: 2, padding: same, activation: tanh}
  - depthwise_conv2d: {kernel_size: 3}
  - dropout: {rate: 0.25}
  - flatten
  - dense: {units: 128, activation: relu}
  - dense: {units: 10}
)";

/// A communicator whose own allocations are not counted: those of MPI are not ours to avoid either.
class UncountedCommunicator : public Communicator {
 public:
  explicit UncountedCommunicator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}
  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  std::span<const int> hosts() const override { return inner_->hosts(); }
  std::unique_ptr<Communicator> duplicate() override {
    return std::make_unique<UncountedCommunicator>(inner_->duplicate());
  }
  void barrier() override {
    const Uncounted uncounted;
    inner_->barrier();
  }
  void broadcast(std::span<std::byte> data, int root) override {
    const Uncounted uncounted;
    inner_->broadcast(data, root);
  }
  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> counts) override {
    const Uncounted uncounted;
    inner_->all_gather(data, counts);
  }
  PendingPtr start_reduce_scatter(std::span<std::int64_t> data,
                                  std::span<const std::int64_t> counts) override {
    const Uncounted uncounted;
    return inner_->start_reduce_scatter(data, counts);
  }
  PendingPtr start_reduce_scatter(std::span<float> data, std::span<const std::int64_t> counts) override {
    const Uncounted uncounted;
    return inner_->start_reduce_scatter(data, counts);
  }
  PendingPtr start_all_gather(std::span<float> data, std::span<const std::int64_t> counts) override {
    const Uncounted uncounted;
    return inner_->start_all_gather(data, counts);
  }
  PendingPtr start_send(std::span<const std::byte> data, int to) override {
    const Uncounted uncounted;
    return inner_->start_send(data, to);
  }
  PendingPtr start_receive(std::span<std::byte> data, int from) override {
    const Uncounted uncounted;
    return inner_->start_receive(data, from);
  }
  void require_alive() override { inner_->require_alive(); }

 private:
  std::unique_ptr<Communicator> inner_;
};

struct Counts {
  std::int64_t allocations = 0, growth_bytes = 0;
  std::string stacks;
};

/// Computed by oneDNN where nothing is said, which allocates in every call.
const std::map<std::string, std::string> kWithoutOnednn{
    {"conv2d_1", "openblas"}, {"conv2d_2", "native"}, {"depthwise_conv2d", "native"}};

/// What steps allocate after the first epoch, whose last batch is a short one.
Counts count(Communicator& communicator, int threads,
             const std::map<std::string, std::string>& kernels = kWithoutOnednn) {
  constexpr std::int64_t kSamples = 200, kSteps = 6;
  const Model model = testing::model_from_yaml(kLayers);
  CpuEngine engine(model, {.threads = threads, .kernels = kernels});
  InputPipeline::Options input;
  input.augment = {RandomFlip{}, RandomCrop{.padding = 4}};
  const InputPipeline pipeline(
      make_shapes({.seed = 3, .train_samples = kSamples, .test_samples = 1}, Split::train), input);
  const auto optimizer = make_adam({}, engine.backend().loops());
  TrainingState state(model, optimizer->slot_names());
  initialize(model, 11, state.current().parameters(), state.current().statistics());
  StepRunner::Options options;
  options.batches = {.samples = kSamples, .global_batch_size = 64, .slices = 8, .seed = 11};
  options.loss = SparseCategoricalCrossentropy{};
  options.learning_rate = {ConstantRate{0.001}};
  options.global_clipnorm = 1;
  options.bucket_bytes = 100'000;
  StepRunner runner(engine, pipeline, *optimizer, state, communicator, options);
  const std::int64_t warm_up = runner.batches().steps_per_epoch();
  for (std::int64_t i = 0; i < warm_up; ++i) EXPECT_FALSE(runner.step(i).refused);
  communicator.barrier();
  std::optional<AllocationCounter> counter;
  if (communicator.rank() == 0) counter.emplace();
  communicator.barrier();
  for (std::int64_t i = warm_up; i < warm_up + kSteps; ++i) runner.step(i);
  communicator.barrier();
  Counts counts;
  if (counter) counts = {counter->allocations(), counter->growth_bytes(), counter->stacks()};
  counter.reset();
  communicator.barrier();
  return counts;
}

TEST(Allocations, AreCounted) {
  const AllocationCounter counter;
  const auto memory = std::make_unique<std::array<char, 1000>>();
  EXPECT_EQ(counter.allocations(), 1);
  EXPECT_GE(counter.growth_bytes(), 1000);
}

TEST(Allocations, ATrainingStepMakesNoneWithAnyNumberOfThreads) {
  for (int threads : {1, 3}) {
    const auto communicator = make_self_communicator();
    const Counts counts = count(*communicator, threads);
    EXPECT_EQ(counts.allocations, 0) << threads << " threads\n" << counts.stacks;
  }
}

TEST(Allocations, OfOnednnInATrainingStepAreGivenBack) {
  const auto communicator = make_self_communicator();
  EXPECT_EQ(count(*communicator, 2, {}).growth_bytes, 0);
}

TEST(Allocations, ATrainingStepMakesNoneOutsideTheCommunicatorOnSeveralRanks) {
  run_ranks(3, [](Communicator& threads) {
    UncountedCommunicator communicator(threads.duplicate());
    const Counts counts = count(communicator, 2);
    EXPECT_EQ(counts.allocations, 0) << counts.stacks;
  });
}

}  // namespace
}  // namespace convoy
