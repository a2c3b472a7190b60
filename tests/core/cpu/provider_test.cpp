#include "core/cpu/reference/provider.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "core/cpu/backend.h"
#include "core/cpu/isa.h"
#include "core/error.h"
#include "core/random.h"
#include "tests/core/cpu/kernel_runner.h"
#include "tests/core/cpu/random_ops.h"

namespace convoy {
namespace {

using namespace test;

using Block = std::vector<Op>;

/// conv2d 3x3 + relu + max_pool2d 2x2, which chance would hardly draw: whole and odd pictures, one window,
/// channels and filters that fill vectors, halves of them, or several words of a set.
std::vector<Block> pooled_blocks() {
  struct Shapes {
    Shape input;
    std::int64_t filters;
    bool same = true;
  };
  std::vector<Block> blocks;
  for (const auto& [input, filters, same] :
       {Shapes{{8, 8, 32}, 64}, Shapes{{6, 10, 16}, 16, false}, Shapes{{7, 9, 16}, 48},
        Shapes{{5, 4, 48}, 32, false}, Shapes{{4, 4, 16}, 80}, Shapes{{6, 6, 8}, 24}, Shapes{{8, 8, 3}, 32},
        Shapes{{9, 6, 5}, 16, false}, Shapes{{5, 7, 1}, 48}, Shapes{{8, 6, 24}, 32}, Shapes{{6, 6, 4}, 64},
        Shapes{{3, 2, 2}, 32}, Shapes{{14, 16, 64}, 32}}) {
    Conv2dOp conv;
    conv.window.height = conv.window.width = 3;
    if (same) conv.window = same_window(input, conv.window);
    conv.use_bias = filters != 48;
    const Op first = conv2d_op(input, filters, conv);
    Pool2dOp pool;
    pool.window.height = pool.window.width = pool.window.stride_y = pool.window.stride_x = 2;
    blocks.push_back({first, relu_op(first.output), pool2d_op(first.output, pool)});
  }
  return blocks;
}

/// conv2d, with and without a relu behind it, of sizes that chance would hardly draw: channels that fill
/// vectors and that do not, more than one sum or panel takes, more pixels than are taken at a time.
std::vector<Block> convolution_blocks() {
  struct Shapes {
    Shape input;
    std::int64_t filters, size = 3, stride = 1, dilation = 1;
    bool same = true;
  };
  std::vector<Block> blocks;
  for (const auto& [input, filters, size, stride, dilation, same] :
       {Shapes{{8, 8, 16}, 32}, Shapes{{7, 9, 32}, 16, 3, 1, 1, false}, Shapes{{4, 4, 144}, 128},
        Shapes{{2, 2, 160}, 144}, Shapes{{9, 6, 16}, 72, 5}, Shapes{{6, 6, 48}, 64, 1, 2},
        Shapes{{11, 8, 16}, 16, 3, 2}, Shapes{{9, 9, 32}, 40, 3, 1, 2}, Shapes{{17, 19, 16}, 16},
        Shapes{{5, 4, 20}, 36}}) {
    Conv2dOp conv;
    conv.window.height = conv.window.width = size;
    conv.window.stride_y = conv.window.stride_x = stride;
    conv.window.dilation_y = conv.window.dilation_x = dilation;
    if (same) conv.window = same_window(input, conv.window);
    conv.use_bias = filters != 64;
    const Op op = conv2d_op(input, filters, conv);
    blocks.push_back({op});
    blocks.push_back({op, relu_op(op.output)});
  }
  return blocks;
}

/// Blocks of every kind of op, and those that some provider fuses.
std::vector<Block> draw_blocks(std::uint32_t draw) {
  std::vector<Block> blocks;
  for (const Op& op : draw_ops(draw)) {
    blocks.push_back({op});
    if (std::holds_alternative<NormalizeOp>(op.kind)) blocks.push_back({op, relu_op(op.output)});
  }
  for (std::uint32_t i = 0; i < 4; ++i) {
    const Op conv = draw_conv2d(1000 + 4 * draw + i);
    blocks.push_back({conv});
    const Op relu = relu_op(conv.output);
    blocks.push_back({conv, relu});
    blocks.push_back({conv, relu, draw_pool2d(1000 + draw, conv.output, Pool2dOp::Kind::max)});
  }
  // They are large.
  if (draw < 2) std::ranges::copy(pooled_blocks(), std::back_inserter(blocks));
  if (draw == 1) std::ranges::copy(convolution_blocks(), std::back_inserter(blocks));
  return blocks;
}

/// The block op by op in double.
Results reference_results(std::span<const Op> block, std::int64_t samples, const Numbers& numbers) {
  const auto run_reference = [&](std::span<const Op> part, const Numbers& in) {
    const auto kernel = make_reference_provider()->make(part, DType::float64);
    return run<double>(*kernel, part, samples, in);
  };
  if (block.size() == 1) return run_reference(block, numbers);
  // Only the first op of a fused block has parameters.
  Numbers first = numbers, rest = numbers;
  first.grad_output.resize(static_cast<std::size_t>(samples * block[0].output.elements()));
  rest.parameters.clear();
  rest.input = run_reference(block.first(1), first).output;
  const Results behind = reference_results(block.subspan(1), samples, rest);
  first.grad_output = behind.grad_input;
  Results results = run_reference(block.first(1), first);
  results.output = behind.output;
  return results;
}

/// Calls check(provider, block, samples, numbers) for every block that a provider takes, on every instruction
/// set where that makes a difference to the provider.
void each_offer(
    DType type, std::uint32_t draws,
    const std::function<void(const Provider&, const Block&, std::int64_t, const Numbers&)>& check) {
  for (Isa isa : available_isas()) {
    const CpuBackend backend(loops_of(isa));
    for (std::uint32_t draw = 0; draw < draws; ++draw)
      for (const Block& block : draw_blocks(draw)) {
        const std::int64_t samples = std::array{1, 3, 8, 13}[draw % 4];
        const Numbers numbers = draw_numbers(block, samples, draw);
        for (const auto& provider : backend.providers()) {
          const bool depends = provider->name() == "native" || provider->name() == "onednn";
          if (isa != Isa::portable && !depends) continue;
          const auto offer = provider->offer(block, type);
          if (!offer || offer->ops != block.size()) continue;
          SCOPED_TRACE(std::string(name_of(isa)) + " " + std::string(provider->name()) + " " +
                       describe(block.front()));
          check(*provider, block, samples, numbers);
          if (testing::Test::HasFatalFailure()) return;
        }
      }
  }
}

TEST(Providers, FloatKernelsMatchTheReferenceInDouble) {
  std::map<std::string, int> compared;
  each_offer(DType::float32, 16,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float32);
               const Results results = run<float>(*kernel, block, samples, numbers);
               expect_close(results, reference_results(block, samples, numbers), 1e-5);
               ++compared[std::string(provider.name())];
             });
  const CpuBackend backend(loops_of(Isa::portable));
  for (const auto& provider : backend.providers())
    EXPECT_GT(compared[std::string(provider->name())], 50) << provider->name();
}

TEST(Providers, OwnLoopsTakeConvolutionsUnderPoolingWhole) {
  for (const Isa isa : available_isas()) {
    if (isa == Isa::portable) continue;
    const CpuBackend backend(loops_of(isa));
    const auto blocks = pooled_blocks();
    EXPECT_GT(std::ranges::count_if(blocks,
                                    [&](const Block& block) {
                                      const auto choice = backend.select(block, DType::float32);
                                      return choice.provider->name() == "native" && choice.offer.ops == 3;
                                    }),
              6)
        << name_of(isa);
  }
}

TEST(Providers, DoubleKernelsMatchTheReference) {
  each_offer(DType::float64, 4,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float64);
               expect_close(run<double>(*kernel, block, samples, numbers),
                            reference_results(block, samples, numbers), 1e-13);
             });
}

TEST(Providers, EvaluationGivesTheOutputsOfTraining) {
  each_offer(DType::float32, 4,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float32);
               const auto evaluated =
                   run<float>(*kernel, block, samples, numbers, {.training = false}).output;
               if (std::holds_alternative<DropoutOp>(block.front().kind))
                 EXPECT_EQ(evaluated, numbers.input);
               else
                 EXPECT_EQ(evaluated, run<float>(*kernel, block, samples, numbers).output);
             });
}

// A training that went astray must not look healthy behind an activation: std::max(x, 0) and its like hide a
// NaN. Winograd's convolution spreads it over a tile.
TEST(Providers, NanInTheInputShowsInTheOutput) {
  each_offer(DType::float32, 4,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               Numbers broken = numbers;
               broken.input[broken.input.size() / 2] = NAN;
               const auto kernel = provider.make(block, DType::float32);
               const std::string name = provider.offer(block, DType::float32)->kernel;
               const auto output = run<float>(*kernel, block, samples, broken).output;
               const auto expected = reference_results(block, samples, broken).output;
               for (std::size_t i = 0; i < output.size(); ++i)
                 if (name.find("Winograd") != std::string::npos)
                   ASSERT_TRUE(std::isnan(output[i]) || !std::isnan(expected[i])) << i;
                 else
                   ASSERT_EQ(std::isnan(output[i]), std::isnan(expected[i])) << i;
             });
}

TEST(Providers, TheInputsGradientIsOptional) {
  each_offer(DType::float32, 4,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float32);
               Results with = run<float>(*kernel, block, samples, numbers);
               const Results without =
                   run<float>(*kernel, block, samples, numbers, {.want_grad_input = false});
               with.grad_input.clear();
               EXPECT_EQ(without, with);
             });
}

TEST(Providers, OneKernelInSeveralThreadsGivesTheSameBits) {
  each_offer(DType::float32, 2,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float32);
               const Results expected = run<float>(*kernel, block, samples, numbers);
               const PreparedRun<float> prepared(*kernel, block, samples, numbers);
               std::vector<Results> results(2);  // more would take a thread sanitizer minutes
               std::vector<std::thread> threads;
               for (Results& result : results)
                 threads.emplace_back([&] {
                   flush_denormals();
                   for (int repeat = 0; repeat < 2; ++repeat) result = prepared.run();
                 });
               for (std::thread& thread : threads) thread.join();
               for (const Results& result : results) EXPECT_EQ(result, expected);
             });
}

TEST(Providers, AForcedProviderIsTakenAndOneThatCannotIsRefused) {
  const CpuBackend backend(loops_of(widest_isa()));
  Conv2dOp grouped;
  grouped.groups = 2;
  const Op conv = conv2d_op({4, 4, 6}, 8, grouped);
  EXPECT_EQ(backend.select(std::span(&conv, 1), DType::float32, "reference").provider->name(), "reference");
  for (const char* name : {"native", "cudnn"}) try {
      backend.select(std::span(&conv, 1), DType::float32, name);
      FAIL() << name;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("openblas, reference"));
    }
}

TEST(Providers, SlicesTakenTogetherHaveTheBitsOfEachAlone) {
  int compared = 0;
  each_offer(DType::float32, 2,
             [&](const Provider& provider, const Block& block, std::int64_t samples, const Numbers& numbers) {
               const auto kernel = provider.make(block, DType::float32);
               std::vector<PreparedRun<float>> runs;
               Numbers other = numbers;  // of the same parameters
               std::ranges::rotate(other.input, other.input.begin() + 1);
               for (const Numbers& of_slice : {other, numbers, other})
                 runs.emplace_back(*kernel, block, samples, of_slice);
               const auto together = PreparedRun<float>::run_together(runs);
               for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(together[i], runs[i].run()) << i;
               compared += kernel->samples_at_once() > 0;
             });
  EXPECT_GT(compared, 3);
}

TEST(Providers, OwnLoopsComputeAllButConvolutionsAndPadding) {
  const CpuBackend backend(loops_of(widest_isa()));
  for (const Op& op : draw_ops(0)) {
    if (std::holds_alternative<Conv2dOp>(op.kind) || std::holds_alternative<ZeroPadding2dOp>(op.kind))
      continue;
    EXPECT_EQ(backend.select(std::span(&op, 1), DType::float32).provider->name(), "native") << describe(op);
  }
}

}  // namespace
}  // namespace convoy
