#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "core/cpu/isa.h"
#include "core/cuda/bfloat16.h"
#include "core/cuda/kernels/exact_sum.h"
#include "core/cuda/kernels/loss.h"
#include "core/cuda/kernels/norms.h"
#include "core/cuda/kernels/optimizer.h"
#include "core/optim/optimizer.h"
#include "tests/core/cuda/device_values.h"
#include "tests/support/fake_cuda/fake_cuda.h"

// The kernels of a step that belong to no layer have the bits of the CPU's loops, in whatever order their
// threads run.

namespace convoy::cuda {
namespace {

using fake_cuda::Threads;
using test::in_storage;
using test::on_device;
using test::on_host;

constexpr float kLimit = 1000;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> draw(std::size_t n, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

class StepKernels : public testing::TestWithParam<Threads> {
 protected:
  const simd::Table& loops_ = loops_of(widest_isa());
  fake_cuda::Machine machine_{{.threads = GetParam()}};
  Stream stream_;
};

TEST_P(StepKernels, ExactSumsAreTheCpus) {
  const std::vector<float> first = draw(1000, 1), second = draw(1000, 2, 1e-9F);
  std::vector<std::int64_t> sums(1000, 7);
  const DeviceMemory on = on_device(sums), a = on_device(first), b = on_device(second),
                     bad = on_device(std::vector<std::int32_t>{0}), floats(1000 * sizeof(float));
  for (const DeviceMemory* gradient : {&a, &b})
    add_exact(stream_, on.as<std::int64_t>(), gradient->as<float>(), 1000, kLimit, 3, bad.as<std::int32_t>());
  exact_to_float(stream_, floats.as<float>(), on.as<std::int64_t>(), 1000);
  stream_.synchronize();
  loops_.accumulate_exact(sums.data(), first.data(), 1000, kLimit);
  loops_.accumulate_exact(sums.data(), second.data(), 1000, kLimit);
  std::vector<float> expected(1000);
  loops_.exact_to_float(expected.data(), sums.data(), 1000);
  EXPECT_EQ(on_host<std::int64_t>(on), sums);
  EXPECT_EQ(on_host<float>(floats), expected);
  EXPECT_EQ(on_host<std::int32_t>(bad)[0], 0);
}

TEST_P(StepKernels, ExactSumsNameTheLastBlockThatDoesNotFit) {
  for (const float wrong : {kLimit, -kLimit, kNan, std::numeric_limits<float>::infinity()}) {
    const DeviceMemory sums = on_device(std::vector<std::int64_t>(5)),
                       bad = on_device(std::vector<std::int32_t>{0});
    for (const std::int32_t block : {2, 6, 4}) {
      const DeviceMemory gradient = on_device(std::vector<float>{1, 2, block == 2 ? 3 : wrong, 4, 5});
      add_exact(stream_, sums.as<std::int64_t>(), gradient.as<float>(), 5, kLimit, block,
                bad.as<std::int32_t>());
      stream_.synchronize();
    }
    EXPECT_EQ(on_host<std::int32_t>(bad)[0], 7) << wrong;
  }
}

TEST_P(StepKernels, NormsAndTheirScaleAreTheCpus) {
  const std::vector<float> gradient = draw(10000, 3);
  const std::vector<NormBlock> blocks{{0, 4096}, {4096, 4099}, {4112, 8208}, {8208, 10000}};
  const DeviceMemory on = on_device(gradient), places = on_device(blocks), norms(4 * sizeof(double)),
                     order = on_device(std::vector<std::int64_t>{2, 0, 3, 1}),
                     state = on_device(std::vector<StepState>(1));
  squared_norms(stream_, norms.as<double>(), places.as<NormBlock>(), 4, on.as<float>());
  std::vector<double> expected;
  for (const NormBlock& block : blocks)
    expected.push_back(loops_.squared_norm(gradient.data() + block.begin,
                                           static_cast<std::size_t>(block.end - block.begin)));
  const double squared = ((expected[2] + expected[0]) + expected[3]) + expected[1];
  for (const double clipnorm : {1.0, 1e6}) {
    choose_gradient_scale(stream_, state.as<StepState>(), norms.as<double>(), order.as<std::int64_t>(), 4,
                          clipnorm);
    stream_.synchronize();
    EXPECT_EQ(on_host<StepState>(state)[0].gradient_scale, clip_scale(squared, clipnorm)) << clipnorm;
  }
  EXPECT_EQ(on_host<double>(norms), expected);
}

/// An update on the device, and what it leaves.
struct Update {
  std::vector<float> gradient = draw(777, 4), weights = draw(777, 5), first = draw(777, 6);
  std::vector<float> second = draw(777, 7);
  std::vector<float> new_weights, new_first, new_second;
  StepState state{.gradient_scale = 0.75F};

  Update() {
    for (float& value : second) value *= value;
  }

  template <class Launch>
  void run(const Stream& stream, const StepValues& step, bool with_slots, const Launch& launch) {
    const DeviceMemory g = on_device(gradient), w = on_device(weights), a = on_device(first),
                       b = on_device(second), values = on_device(std::vector<StepValues>{step}),
                       found = on_device(std::vector<StepState>{state}), nw(w.size()), na(w.size()),
                       nb(w.size());
    UpdateArgs args{.n = 777,
                    .step = values.as<StepValues>(),
                    .state = found.as<StepState>(),
                    .gradient = g.as<float>(),
                    .weights = w.as<float>(),
                    .new_weights = nw.as<float>()};
    if (with_slots) {
      args.slots[0] = a.as<float>();
      args.slots[1] = b.as<float>();
      args.new_slots[0] = na.as<float>();
      args.new_slots[1] = nb.as<float>();
    }
    launch(args);
    stream.synchronize();
    new_weights = on_host<float>(nw);
    new_first = on_host<float>(na);
    new_second = on_host<float>(nb);
    state = on_host<StepState>(found)[0];
  }

  UpdateRange range(std::vector<float>& w, std::vector<float>& a, std::vector<float>& b,
                    std::size_t slots) const {
    UpdateRange range{gradient, weights, w, {}, {}};
    if (slots > 0) {
      range.slots.push_back(first);
      range.new_slots.push_back(a);
    }
    if (slots > 1) {
      range.slots.push_back(second);
      range.new_slots.push_back(b);
    }
    return range;
  }
};

TEST_P(StepKernels, AdamIsTheCpus) {
  for (const double weight_decay : {0.0, 0.004}) {
    const UpdateStep step{.number = 3, .learning_rate = 0.01, .gradient_scale = 0.75F};
    StepValues values;
    const double first = 1 - integer_power(static_cast<double>(0.9F), 3);
    const double second = 1 - integer_power(static_cast<double>(0.999F), 3);
    values.alpha = static_cast<float>(0.01 * std::sqrt(second) / first);
    values.decay = static_cast<float>(0.01 * weight_decay);
    Update update;
    update.run(stream_, values, true, [&](const UpdateArgs& args) {
      update_adam(stream_, args, static_cast<float>(1 - 0.9), static_cast<float>(1 - 0.999), 1e-7F);
    });
    std::vector<float> w(777), a(777), b(777);
    ASSERT_TRUE(make_adam({.weight_decay = weight_decay}, loops_)->update(step, update.range(w, a, b, 2)));
    EXPECT_EQ(update.new_weights, w);
    EXPECT_EQ(update.new_first, a);
    EXPECT_EQ(update.new_second, b);
    EXPECT_EQ(update.state.bad_weights, 0);
  }
}

TEST_P(StepKernels, DescentIsTheCpus) {
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true}) {
      const UpdateStep step{.number = 1, .learning_rate = 0.1, .gradient_scale = 0.75F};
      StepValues values;
      values.learning_rate = 0.1F;
      Update update;
      update.run(stream_, values, momentum > 0, [&](const UpdateArgs& args) {
        update_sgd(stream_, args, static_cast<float>(momentum), nesterov);
      });
      std::vector<float> w(777), a(777), b(777);
      ASSERT_TRUE(
          make_sgd({momentum, nesterov}, loops_)->update(step, update.range(w, a, b, momentum > 0 ? 1 : 0)));
      EXPECT_EQ(update.new_weights, w);
      if (momentum > 0) {
        EXPECT_EQ(update.new_first, a);
      }
    }
}

TEST_P(StepKernels, AnUpdateThatOverflowsIsNoticed) {
  StepValues values;
  values.learning_rate = 3e38F;
  Update update;
  update.gradient[500] = 100;
  update.run(stream_, values, false, [&](const UpdateArgs& args) { update_sgd(stream_, args, 0, false); });
  EXPECT_EQ(update.state.bad_weights, 1);
}

TEST_P(StepKernels, WhatIsRefusedLeavesNoTrace) {
  const std::vector<float> before = draw(50, 8), after = draw(50, 9);
  for (const std::int32_t refused : {0, 1}) {
    const DeviceMemory to = on_device(before), from = on_device(after),
                       state = on_device(std::vector<StepState>{{.refused = refused}});
    commit(stream_, state.as<StepState>(), to.as<float>(), from.as<float>(), 50);
    stream_.synchronize();
    EXPECT_EQ(on_host<float>(to), refused ? before : after);
  }
}

TEST_P(StepKernels, StatisticsThatAreNotFiniteAreNoticed) {
  for (const float last : {1.0F, kNan}) {
    const DeviceMemory values = on_device(std::vector<float>{1, 2, last}),
                       state = on_device(std::vector<StepState>(1));
    require_finite(stream_, state.as<StepState>(), values.as<float>(), 3);
    stream_.synchronize();
    EXPECT_EQ(on_host<StepState>(state)[0].bad_weights, std::isnan(last) ? 1 : 0);
  }
}

TEST_P(StepKernels, TheLossIsTheCpus) {
  constexpr std::int64_t kSamples = 100, kClasses = 7;
  for (const bool from_logits : {true, false})
    for (const double smoothing : {0.0, 0.1})
      for (const Storage storage : {Storage::float32, Storage::bfloat16}) {
        std::vector<float> output = draw(kSamples * kClasses, 10);
        if (!from_logits)
          for (float& value : output) value = std::fabs(value) / 4;
        output[5] = output[6];  // equals
        if (storage == Storage::bfloat16)
          loops_.round_to_bfloat16(output.data(), output.size(), output.data());
        std::vector<std::int32_t> labels(kSamples);
        for (std::size_t n = 0; n < labels.size(); ++n)
          labels[n] = static_cast<std::int32_t>(n * n % kClasses);
        const SparseCategoricalCrossentropy loss{from_logits, smoothing};
        std::vector<float> gradient(output.size());
        const LossSums expected = loss(
            LossArgs<float>{kSamples, kClasses, output.data(), labels.data(), 1.0 / 300, gradient.data()});

        const std::size_t width = storage == Storage::float32 ? sizeof(float) : sizeof(BFloat16);
        const DeviceMemory x = in_storage(output, storage), y = on_device(labels), g(output.size() * width),
                           each(kSamples * sizeof(SliceLoss)), sums(sizeof(SliceLoss));
        sparse_categorical_crossentropy(stream_, loss,
                                        {kSamples, kClasses, x.data(), y.as<std::int32_t>(), 1.0 / 300,
                                         g.data(), each.as<SliceLoss>(), sums.as<SliceLoss>()},
                                        storage);
        stream_.synchronize();
        const SliceLoss found = on_host<SliceLoss>(sums)[0];
        EXPECT_EQ(found.loss, expected.loss);
        EXPECT_EQ(found.correct, expected.correct);
        EXPECT_EQ(found.top5, expected.top5);
        if (storage == Storage::float32) {
          EXPECT_EQ(on_host<float>(g), gradient);
        } else {
          loops_.round_to_bfloat16(gradient.data(), gradient.size(), gradient.data());
          const auto rounded = on_host<BFloat16>(g);
          EXPECT_EQ(std::vector<float>(rounded.begin(), rounded.end()), gradient);
        }
      }
}

TEST(BFloat16, RoundsLikeTheCpusLoops) {
  std::vector<float> values = draw(1000, 11, 1e20F);
  for (const float value :
       {0.0F, -0.0F, kNan, -kNan, INFINITY, -INFINITY, 3.4e38F, 1e-40F, 1.00390625F, 1.01171875F})
    values.push_back(value);
  std::vector<float> expected(values.size());
  loops_of(widest_isa()).round_to_bfloat16(values.data(), values.size(), expected.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float rounded = BFloat16(values[i]);
    EXPECT_EQ(std::memcmp(&rounded, &expected[i], sizeof rounded), 0) << values[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, StepKernels,
                         testing::Values(Threads::forward, Threads::backward, Threads::shuffled));

}  // namespace
}  // namespace convoy::cuda
