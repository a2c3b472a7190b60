// Training on GPUs, on a stand-in of CUDA: the promise, and that it computes what the CPU does.

#include "launcher/cuda/device_stepper.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "comm/nccl/nccl_collectives.h"
#include "comm/nccl/staged_collectives.h"
#include "comm/thread_communicator.h"
#include "core/cuda/check.h"
#include "core/cuda/libraries.h"
#include "core/data/shapes.h"
#include "launcher/step_runner.h"
#include "tests/core/cuda/own_kernels.h"
#include "tests/support/fake_cuda/failing_calls.h"
#include "tests/support/fake_cuda/fake_cuda.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using fake_cuda::Machine;
using fake_cuda::Order;
using fake_cuda::Threads;

constexpr const char* kLayers = R"(
input_shape: [32, 32, 3]
layers:
  - batch_normalization
  - activation: {activation: gelu}
  - max_pooling2d: {pool_size: 4}
  - batch_normalization: {statistics: slice}
  - leaky_relu
  - dropout: {rate: 0.25}
  - flatten
  - batch_normalization: {scale: false}
  - activation: {activation: tanh}
)";

enum class Kind { nccl, staged };

struct Training {
  int ranks = 1;
  Kind kind = Kind::nccl;
  fake_cuda::Options machine{};
  bool exact = true;
  int streams = 3;
  cuda::Storage storage = cuda::Storage::float32;
  bool in_one_call = true;
  std::optional<double> clipnorm = 0.5;
  double learning_rate = 0.01;
  bool resident = true;  ///< the data set stays on the device
};

struct Outcome {
  std::vector<std::string> weights;  ///< a hash a rank
  std::vector<double> losses;
  std::vector<float> parameters, statistics;
  std::vector<std::string> refused;
  std::string leaks;
  std::size_t nodes = 0;
  bool resident = false;

  bool has_bits_of(const Outcome& other) const {
    return weights.front() == other.weights.front() && losses == other.losses &&
           statistics == other.statistics;
  }
};

/// Two epochs of 40 pictures in batches of 24, the last of an epoch of 16, in 8 slices.
constexpr BatchPlan::Options kBatches{.samples = 40, .global_batch_size = 24, .slices = 8, .seed = 11};
constexpr std::int64_t kSteps = 4;

struct Data {
  Model model;
  InputPipeline pipeline{make_shapes({.seed = 3, .train_samples = 40, .test_samples = 1}, Split::train),
                         {.scale = 1.0 / 255, .augment = {RandomFlip{}, RandomCrop{}}, .seed = 11}};

  explicit Data(const char* layers = kLayers) : model(testing::model_from_yaml(layers)) {}
};

std::unique_ptr<cuda::Collectives> collectives_of(Kind kind, Communicator& communicator) {
  if (kind == Kind::nccl) return std::make_unique<NcclCollectives>(communicator.duplicate());
  return std::make_unique<StagedCollectives>(communicator.duplicate());
}

Outcome on_gpus(const Data& data, const Training& run) {
  fake_cuda::Options options = run.machine;
  options.devices = run.ranks;
  Machine machine(options);
  Outcome outcome;
  outcome.weights.resize(static_cast<std::size_t>(run.ranks));
  run_ranks(run.ranks, [&](Communicator& communicator) {
    CONVOY_CUDA_CALL(cudaSetDevice(communicator.rank()));
    cuda::Libraries libraries(cuda::Float32Products::exact, 4096);
    DeviceNetwork network(
        data.model, run.storage,
        [&](std::span<const Op> ops, cuda::Storage storage) {
          return cuda::make_kernel(libraries, ops, storage);
        },
        [&](const cuda::Stream& stream) { libraries.open(stream); });
    WorkerPool pool(2);
    TrainingState state(data.model, {"momentum", "velocity"});
    state.initialize(11, communicator);
    DeviceStepper::Options step{.batches = kBatches,
                                .loss = {},
                                .optimizer = AdamOptions{},
                                .learning_rate = {ConstantRate{run.learning_rate}},
                                .global_clipnorm = run.clipnorm,
                                .exact = run.exact,
                                .bucket_bytes = 64,
                                .streams = run.streams,
                                .resident_part = run.resident ? 0.25 : 0};
    DeviceStepper stepper(network, data.pipeline, pool, state, communicator,
                          collectives_of(run.kind, communicator), step);
    stepper.load();
    std::vector<StepResult> results(kSteps);
    if (run.in_one_call)
      stepper.take(0, results);
    else
      for (std::size_t i = 0; i < kSteps; ++i)
        stepper.take(static_cast<std::int64_t>(i), std::span(results).subspan(i, 1));
    stepper.fetch_weights();
    stepper.fetch_moments();
    outcome.weights[static_cast<std::size_t>(communicator.rank())] = state.weights_sha256();
    if (communicator.rank() != 0) return;
    for (const StepResult& result : results) {
      outcome.losses.push_back(result.loss);
      outcome.refused.push_back(result.refused.value_or(""));
    }
    outcome.parameters.assign(state.current().parameters().begin(), state.current().parameters().end());
    outcome.statistics.assign(state.current().statistics().begin(), state.current().statistics().end());
    outcome.nodes = stepper.nodes();
    outcome.resident = stepper.data_is_resident();
  });
  outcome.leaks = machine.leaks();
  for (const std::string& of_rank : outcome.weights) EXPECT_EQ(of_rank, outcome.weights.front());
  return outcome;
}

Outcome on_cpu(const Data& data, const Training& run) {
  Outcome outcome;
  run_ranks(1, [&](Communicator& communicator) {
    CpuEngine engine(data.model, {});
    const auto optimizer = make_adam({}, engine.backend().loops());
    TrainingState state(data.model, optimizer->slot_names());
    state.initialize(11, communicator);
    StepRunner::Options step;
    step.batches = kBatches;
    step.loss = SparseCategoricalCrossentropy{};
    step.learning_rate = {ConstantRate{run.learning_rate}};
    step.global_clipnorm = run.clipnorm;
    StepRunner runner(engine, data.pipeline, *optimizer, state, communicator, step);
    for (std::int64_t number = 0; number < kSteps; ++number)
      outcome.losses.push_back(runner.step(number).loss);
    outcome.parameters.assign(state.current().parameters().begin(), state.current().parameters().end());
    outcome.statistics.assign(state.current().statistics().begin(), state.current().statistics().end());
  });
  return outcome;
}

void expect_near(const std::vector<float>& found, const std::vector<float>& wanted, float tolerance) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], tolerance) << i;
}

TEST(DeviceStepper, ComputesWhatTheCpuDoes) {
  const Data data;
  for (const auto clipnorm : {std::optional<double>(), std::optional(0.5)}) {
    const Training run{.clipnorm = clipnorm};
    const Outcome gpu = on_gpus(data, run), cpu = on_cpu(data, run);
    ASSERT_EQ(gpu.losses.size(), cpu.losses.size());
    for (std::size_t i = 0; i < cpu.losses.size(); ++i) EXPECT_NEAR(gpu.losses[i], cpu.losses[i], 1e-5) << i;
    expect_near(gpu.parameters, cpu.parameters, 1e-4F);
    expect_near(gpu.statistics, cpu.statistics, 1e-5F);
    EXPECT_EQ(gpu.leaks, "");
    EXPECT_GT(gpu.nodes, 100U);
  }
}

TEST(DeviceStepper, BitsDoNotDependOnRanksStreamsOrdersOrWhatExchanges) {
  const Data data;
  const Outcome first = on_gpus(data, {});
  std::uint64_t seed = 1;
  for (const int ranks : {1, 2, 3, 4})
    for (const Kind kind : {Kind::nccl, Kind::staged})
      for (const Order order : {Order::latest, Order::seeded}) {
        const Training run{.ranks = ranks,
                           .kind = kind,
                           .machine = {.order = order, .threads = Threads::shuffled, .seed = seed++},
                           .streams = 1 + ranks % 3,
                           .in_one_call = ranks % 2 == 0,
                           .resident = ranks < 3 || order == Order::latest};
        const Outcome other = on_gpus(data, run);
        EXPECT_TRUE(other.has_bits_of(first))
            << ranks << " ranks, " << static_cast<int>(kind) << ", " << static_cast<int>(order);
        EXPECT_EQ(other.leaks, "");
      }
}

TEST(DeviceStepper, BitsDoNotDependOnWhereTheDataSetIs) {
  const Data data;
  for (const auto storage : {cuda::Storage::float32, cuda::Storage::bfloat16})
    for (const int ranks : {1, 3}) {
      Training run{.ranks = ranks,
                   .machine = {.order = Order::seeded, .threads = Threads::shuffled},
                   .storage = storage};
      const Outcome resident = on_gpus(data, run);
      run.resident = false;
      const Outcome fed = on_gpus(data, run);
      EXPECT_TRUE(resident.resident);
      EXPECT_FALSE(fed.resident);
      EXPECT_TRUE(resident.has_bits_of(fed)) << ranks;
      EXPECT_EQ(resident.leaks + fed.leaks, "");
    }
}

constexpr const char* kExample = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 4, kernel_size: 3, padding: same, strides: 2, activation: relu}
  - max_pooling2d
  - depthwise_conv2d: {kernel_size: 3}
  - flatten
  - dense: {units: 16, activation: relu}
  - dense: {units: 10}
)";

TEST(DeviceStepper, TrainsConvolutionsOnAnyNumberOfGpusToTheSameBits) {
  const Data data(kExample);
  const Training alone{.clipnorm = {}};
  const Outcome first = on_gpus(data, alone), cpu = on_cpu(data, alone);
  for (std::size_t i = 0; i < cpu.losses.size(); ++i) EXPECT_NEAR(first.losses[i], cpu.losses[i], 1e-4) << i;
  for (const int ranks : {2, 3, 4}) {
    const Outcome other =
        on_gpus(data, {.ranks = ranks, .machine = {.order = Order::seeded}, .clipnorm = {}});
    EXPECT_TRUE(other.has_bits_of(first)) << ranks;
    EXPECT_EQ(other.leaks, "");
  }
}

TEST(DeviceStepper, FloatsTravelToo) {
  const Data data;
  const Outcome exact = on_gpus(data, {}), native = on_gpus(data, {.ranks = 3, .exact = false});
  expect_near(native.parameters, exact.parameters, 1e-4F);
}

TEST(DeviceStepper, Bfloat16StaysNear) {
  const Data data;
  const Outcome whole = on_gpus(data, {}), rounded = on_gpus(data, {.storage = cuda::Storage::bfloat16});
  for (std::size_t i = 0; i < whole.losses.size(); ++i)
    EXPECT_NEAR(rounded.losses[i], whole.losses[i], 0.02 * whole.losses[i]);
  EXPECT_FALSE(rounded.has_bits_of(whole));
  EXPECT_TRUE(on_gpus(data, {.ranks = 4, .storage = cuda::Storage::bfloat16}).has_bits_of(rounded));
}

TEST(DeviceStepper, AnUpdateThatOverflowsIsRefusedOnAllRanks) {
  const Data data;
  Outcome first;
  for (const int ranks : {1, 3}) {
    const Outcome outcome = on_gpus(data, {.ranks = ranks, .clipnorm = {}, .learning_rate = 1e39});
    for (const std::string& reason : outcome.refused)
      EXPECT_EQ(reason, "the update makes weights or moving statistics that are not finite");
    if (ranks == 1) first = outcome;
    EXPECT_TRUE(outcome.has_bits_of(first));
  }
  TrainingState untouched(data.model, {});
  run_ranks(1, [&](Communicator& communicator) { untouched.initialize(11, communicator); });
  EXPECT_EQ(first.weights.front(), untouched.weights_sha256());
}

/// One call after the other fails, on each of two ranks in turn, until a training gets through.
TEST(DeviceStepper, EachCallThatFailsEndsTheTrainingWithOneLine) {
  const Model model =
      testing::model_from_yaml("input_shape: [32, 32, 3]\nlayers: [batch_normalization, flatten]");
  const InputPipeline pipeline(make_shapes({.seed = 3, .train_samples = 4, .test_samples = 1}, Split::train),
                               {});
  // Each way to exchange with one of the ways that pictures come.
  for (const Kind kind : {Kind::nccl, Kind::staged})
    fake_cuda::expect_each_failure_to_be_clean({.devices = 2}, [&] {
      ::testing::internal::CaptureStderr();
      std::exception_ptr failure;
      try {
        run_ranks(2, [&](Communicator& communicator) {
          CONVOY_CUDA_CALL(cudaSetDevice(communicator.rank()));
          DeviceNetwork network(model, cuda::Storage::float32, cuda::test::made_of_own_kernels);
          WorkerPool pool(1);
          TrainingState state(model, {});
          state.initialize(11, communicator);
          DeviceStepper::Options step{.batches = {.samples = 4, .global_batch_size = 4, .slices = 2},
                                      .loss = {},
                                      .optimizer = SgdOptions{},
                                      .learning_rate = {ConstantRate{0.01}},
                                      .resident_part = kind == Kind::nccl ? 0.25 : 0};
          DeviceStepper stepper(network, pipeline, pool, state, communicator,
                                collectives_of(kind, communicator), step);
          stepper.load();
          std::vector<StepResult> results(1);
          stepper.take(0, results);
          stepper.fetch_weights();
        });
      } catch (const Error&) {
        failure = std::current_exception();
      }
      const std::string said = ::testing::internal::GetCapturedStderr();
      if (failure) std::rethrow_exception(failure);
      // What fails when all is done has nobody to throw to.
      for (const char* call : {"ncclCommFinalize", "ncclCommGetAsyncError"})
        if (said.find(call) != said.npos) throw CommError("{}", call);
    });
}

}  // namespace
}  // namespace convoy
