#include <gtest/gtest.h>

#include "core/cpu/reference/provider.h"
#include "core/cuda/libraries.h"
#include "core/cuda/make_kernel.h"
#include "tests/core/cpu/random_ops.h"
#include "tests/core/cuda/device_run.h"
#include "tests/support/fake_cuda/failing_calls.h"

// Convolutions and dense layers, which cuDNN and cuBLAS compute, against the CPU's reference loops.

namespace convoy::cuda {
namespace {

using convoy::test::draw_numbers;
using convoy::test::expect_close;
using convoy::test::Numbers;
using convoy::test::Results;
using fake_cuda::Machine;

void round(std::vector<double>& values) {
  for (double& value : values) value = static_cast<double>(float{BFloat16(static_cast<float>(value))});
}

/// The reference's loops for an op and maybe an activation behind it.
Results expected(std::span<const Op> block, std::int64_t samples, const Numbers& numbers) {
  const auto provider = make_reference_provider();
  if (block.size() == 1)
    return convoy::test::run<double>(*provider->make(block, DType::float64), block, samples, numbers);
  Numbers first = numbers;
  first.grad_output.assign(static_cast<std::size_t>(samples * block[0].output.elements()), 0);
  const auto head = provider->make(block.first(1), DType::float64),
             tail = provider->make(block.last(1), DType::float64);
  Numbers second;
  second.input = convoy::test::run<double>(*head, block.first(1), samples, first).output;
  second.grad_output = numbers.grad_output;
  const Results behind = convoy::test::run<double>(*tail, block.last(1), samples, second);
  first.grad_output = behind.grad_input;
  Results all = convoy::test::run<double>(*head, block.first(1), samples, first);
  all.output = behind.output;
  return all;
}

class LibraryOps : public testing::TestWithParam<Storage> {};

TEST_P(LibraryOps, AreTheReferences) {
  const bool narrow = GetParam() == Storage::bfloat16;
  for (std::uint32_t draw = 0; draw < 16; ++draw)
    for (const bool dense : {false, true}) {
      std::vector<Op> block{dense ? convoy::test::dense_op({5 + draw % 7}, 3 + draw % 4, draw % 3 != 0)
                                  : convoy::test::draw_conv2d(draw)};
      constexpr ActivationKind kKinds[] = {ActivationKind::relu, ActivationKind::gelu, ActivationKind::tanh};
      if (draw % 4 > 0) block.push_back(convoy::test::activation_op(block[0].output, {kKinds[draw % 4 - 1]}));
      SCOPED_TRACE(convoy::test::describe(block[0]));
      const std::int64_t samples = 1 + draw % 5;
      Numbers numbers = draw_numbers(block, samples, draw);
      if (narrow) {
        round(numbers.input);
        round(numbers.grad_output);
        round(numbers.parameters[0]);
      }
      const Machine machine({});
      {
        Libraries libraries(Float32Products::exact);
        const MadeKernel made = make_kernel(libraries, block, GetParam());
        ASSERT_EQ(made.ops, block.size());
        const Stream stream;
        libraries.open(stream);
        const Results found = test::run(*made.kernel, block, samples, numbers, GetParam(), {}, &stream);
        expect_close(found, expected(block, samples, numbers), narrow ? 0.03 : 1e-5);
      }
      EXPECT_EQ(machine.leaks(), "");
    }
}

INSTANTIATE_TEST_SUITE_P(Storages, LibraryOps, testing::Values(Storage::float32, Storage::bfloat16),
                         test::name_of_storage);

TEST(LibraryOps, EachCallThatFailsIsNamed) {
  for (const bool dense : {false, true})
    fake_cuda::expect_each_failure_to_be_clean({}, [&] {
      const std::vector<Op> block{dense ? convoy::test::dense_op({5}, 3) : convoy::test::draw_conv2d(3)};
      const Numbers numbers = draw_numbers(block, 2, 1);
      Libraries libraries(Float32Products::exact);
      const MadeKernel made = make_kernel(libraries, block, Storage::float32);
      const Stream stream;
      libraries.open(stream);
      test::run(*made.kernel, block, 2, numbers, Storage::float32, {}, &stream);
    });
}

TEST(LibraryOps, ChoicesOfOneRankAreTakenByAnother) {
  const Machine machine({});
  const std::vector<Op> block{convoy::test::draw_conv2d(3)};
  Libraries first(Float32Products::exact), second(Float32Products::exact);
  make_kernel(first, block, Storage::float32).kernel->plan(4);
  const std::vector<ConvolutionChoice> choices = first.choices().all();
  ASSERT_EQ(choices.size(), 1U);
  EXPECT_EQ(choices[0].algorithms.forward, 1);  // the one without atomic sums
  second.choices().add(choices);
  const std::int64_t before = machine.calls();
  make_kernel(second, block, Storage::float32).kernel->plan(4);
  EXPECT_EQ(second.choices().all(), choices);
  EXPECT_GT(machine.calls(), before);
}

}  // namespace
}  // namespace convoy::cuda
