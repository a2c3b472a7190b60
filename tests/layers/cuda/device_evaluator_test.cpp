#include "layers/cuda/device_evaluator.h"

#include <gtest/gtest.h>
#include <mutex>

#include "core/cpu/isa.h"
#include "tests/core/cuda/own_kernels.h"
#include "tests/support/fake_cuda/fake_cuda.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

constexpr const char* kLayers = R"(
input_shape: [8, 8, 3]
layers:
  - batch_normalization
  - activation: {activation: gelu}
  - max_pooling2d
  - dropout: {rate: 0.5}
  - flatten
)";

class Pictures : public SliceSource {
 public:
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    for (std::int64_t n = 0; n < samples; ++n) {
      labels[n] = static_cast<std::int32_t>(first + n);
      for (std::int64_t e = 0; e < 8 * 8 * 3; ++e)
        input[n * 8 * 8 * 3 + e] = static_cast<float>(((first + n) * 31 + e * 7) % 101) / 50 - 1;
    }
  }
};

using Outputs = std::vector<std::vector<float>>;  // one a sample

Outputs outputs_of(Evaluator& evaluator, const Model& model, std::int64_t total,
                   const SliceSource& source = Pictures()) {
  std::vector<float> parameters(static_cast<std::size_t>(model.parameter_elements)),
      statistics(static_cast<std::size_t>(model.statistics_elements));
  initialize(model, 5, parameters, statistics);
  for (std::size_t i = 0; i < statistics.size(); ++i) statistics[i] += 0.1F * static_cast<float>(i % 3);
  Outputs outputs(static_cast<std::size_t>(total));
  std::mutex mutex;
  evaluator.run(0, Evaluator::slices(total), source, parameters, statistics,
                [&](std::int64_t, const EvaluatedSlice& seen) {
                  const std::lock_guard lock(mutex);
                  const std::size_t width = seen.output.size() / static_cast<std::size_t>(seen.samples);
                  for (std::size_t n = 0; n < static_cast<std::size_t>(seen.samples); ++n) {
                    EXPECT_EQ(seen.labels[n], seen.first + static_cast<std::int64_t>(n));
                    const auto row = seen.output.subspan(n * width, width);
                    outputs[static_cast<std::size_t>(seen.first) + n].assign(row.begin(), row.end());
                  }
                });
  return outputs;
}

/// More than two groups of slices, the last slice short.
constexpr std::int64_t kTotal = 2 * 64 * kEvaluationSlice + 21;

TEST(DeviceEvaluator, SeesWhatTheCpuSees) {
  const Model model = testing::model_from_yaml(kLayers);
  WorkerPool pool(2);
  const CpuBackend backend(loops_of(widest_isa()));
  Network network(model, backend);
  NetworkEvaluator cpu(network, pool, kTotal);
  const Outputs wanted = outputs_of(cpu, model, kTotal);
  for (const auto order : {fake_cuda::Order::latest, fake_cuda::Order::seeded}) {
    const fake_cuda::Machine machine({.order = order});
    {
      DeviceNetwork on_device(model, cuda::Storage::float32, cuda::test::made_of_own_kernels);
      DeviceEvaluator evaluator(on_device, pool, kTotal, 3);
      const Outputs found = outputs_of(evaluator, model, kTotal);
      for (std::size_t n = 0; n < found.size(); ++n) {
        ASSERT_EQ(found[n].size(), wanted[n].size()) << n;
        for (std::size_t i = 0; i < found[n].size(); ++i) ASSERT_NEAR(found[n][i], wanted[n][i], 1e-5) << n;
      }
    }
    EXPECT_EQ(machine.leaks(), "");
  }
}

/// As InputPipeline makes them.
class Split : public SliceSource {
 public:
  explicit Split(const InputPipeline& pipeline) : pipeline_(pipeline) {}
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    pipeline_.fill_evaluation({first, first + samples}, input, labels);
  }

 private:
  const InputPipeline& pipeline_;
};

/// Pictures that all differ, their labels their places, as outputs_of() wants them.
class Places : public Dataset {
 public:
  explicit Places(std::int64_t samples) : Dataset("places", {8, 8, 3}, numbered_classes(3000), samples) {}
  int label(std::int64_t i) const override { return static_cast<int>(i); }
  void read(std::int64_t i, std::uint8_t* hwc) const override {
    for (std::int64_t e = 0; e < sample_bytes(); ++e)
      hwc[e] = static_cast<std::uint8_t>(i * 31 + i / 256 * 13 + e * 7);
  }
};

/// For run(), where nothing is to be asked for.
class Nothing : public SliceSource {
 public:
  void fill(std::int64_t, std::int64_t, float*, std::int32_t*) const override { ADD_FAILURE(); }
};

TEST(DeviceEvaluator, BitsDoNotDependOnWhereTheSplitIs) {
  const Model model = testing::model_from_yaml(kLayers);
  WorkerPool pool(2);
  const InputPipeline pipeline(std::make_shared<Places>(kTotal), {.scale = 1.0 / 128, .mean = {1}});
  for (const auto storage : {cuda::Storage::float32, cuda::Storage::bfloat16}) {
    const fake_cuda::Machine machine(
        {.order = fake_cuda::Order::seeded, .threads = fake_cuda::Threads::shuffled});
    {
      DeviceNetwork on_device(model, storage, cuda::test::made_of_own_kernels);
      DeviceEvaluator fed(on_device, pool, kTotal, 3),
          resident(on_device, pool, kTotal, 3, ResidentDataset::if_it_fits(pipeline, pool));
      const Outputs wanted = outputs_of(fed, model, kTotal, Split(pipeline));
      EXPECT_TRUE(outputs_of(resident, model, kTotal, Nothing()) == wanted);
      EXPECT_LT(resident.memory_bytes(), fed.memory_bytes());
    }
    EXPECT_EQ(machine.leaks(), "");
  }
}

TEST(DeviceEvaluator, Bfloat16StaysNear) {
  const Model model = testing::model_from_yaml(kLayers);
  WorkerPool pool(1);
  const fake_cuda::Machine machine({});
  DeviceNetwork whole(model, cuda::Storage::float32, cuda::test::made_of_own_kernels),
      rounded(model, cuda::Storage::bfloat16, cuda::test::made_of_own_kernels);
  DeviceEvaluator first(whole, pool, 20, 2), second(rounded, pool, 20, 2);
  const Outputs wanted = outputs_of(first, model, 20), found = outputs_of(second, model, 20);
  for (std::size_t n = 0; n < found.size(); ++n)
    for (std::size_t i = 0; i < found[n].size(); ++i) EXPECT_NEAR(found[n][i], wanted[n][i], 0.02) << n;
}

}  // namespace
}  // namespace convoy
