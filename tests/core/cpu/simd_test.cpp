#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "core/cpu/isa.h"
#include "core/cpu/simd/table.h"
#include "core/random.h"

namespace convoy {
namespace {

std::vector<float> draw(std::size_t n, std::uint32_t tensor, float low = -4, float high = 4) {
  const RandomStream random(5, RandomPurpose::test);
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i)
    values[i] = low + (high - low) * uniform_float(random(0, tensor, static_cast<std::uint32_t>(i))[0]);
  return values;
}

TEST(AccumulateExact, IsTheSameIntegerOnEveryInstructionSet) {
  const RandomStream random(5, RandomPurpose::test);
  for (std::size_t n : {1, 15, 16, 100}) {
    std::vector<float> values(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto words = random(0, 0, static_cast<std::uint32_t>(i));
      values[i] = std::ldexp(uniform_float(words[0]) - 0.5F, static_cast<int>(words[1] % 64) - 45);
    }
    for (Isa isa : available_isas()) {
      std::vector<std::int64_t> sums(n, -3);
      EXPECT_TRUE(loops_of(isa).accumulate_exact(sums.data(), values.data(), n, 0x1p19F));
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_EQ(sums[i], -3 + std::llrint(std::ldexp(static_cast<double>(values[i]), 44))) << values[i];
    }
  }
}

TEST(AccumulateExact, RefusesWhatIsNotFiniteOrTooLarge) {
  for (Isa isa : available_isas())
    for (float bad : {NAN, INFINITY, -INFINITY, 1024.0F, -1024.0F})
      for (std::size_t place : {0, 17, 20}) {
        std::vector<float> values(21, 1.0F);
        std::vector<std::int64_t> sums(21, 0);
        EXPECT_TRUE(loops_of(isa).accumulate_exact(sums.data(), values.data(), 21, 1024));
        values[place] = bad;
        EXPECT_FALSE(loops_of(isa).accumulate_exact(sums.data(), values.data(), 21, 1024)) << bad;
      }
}

TEST(RoundToBfloat16, TakesTheNearestAndOfTwoTheEvenOne) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float largest = std::numeric_limits<float>::max();
  const std::vector<std::pair<float, float>> cases{{0.0F, 0.0F},
                                                   {-0.0F, -0.0F},
                                                   {1.0F, 1.0F},
                                                   {0x1.01p0F, 0x1.00p0F},      // half way: to even, down
                                                   {0x1.03p0F, 0x1.04p0F},      // and up
                                                   {0x1.010002p0F, 0x1.02p0F},  // just above half way
                                                   {-0x1.02fffep0F, -0x1.02p0F},
                                                   {0x1.ffp9F, 0x1p10F},  // carries into the exponent
                                                   {tiny, 0.0F},
                                                   {largest, INFINITY},
                                                   {-INFINITY, -INFINITY}};
  for (Isa isa : available_isas()) {
    std::vector<float> from, to(cases.size() + 2);
    for (const auto& one : cases) from.push_back(one.first);
    for (const std::uint32_t nan : {0x7fffffffU, 0xff800001U}) from.push_back(std::bit_cast<float>(nan));
    loops_of(isa).round_to_bfloat16(from.data(), from.size(), to.data());
    for (std::size_t i = 0; i < cases.size(); ++i)
      EXPECT_EQ(std::bit_cast<std::uint32_t>(to[i]), std::bit_cast<std::uint32_t>(cases[i].second))
          << from[i];
    EXPECT_TRUE(std::isnan(to[cases.size()]) && std::isnan(to[cases.size() + 1]));
  }
}

TEST(ExactToFloat, RoundsTheSameOnEveryInstructionSet) {
  const RandomStream random(5, RandomPurpose::test);
  std::vector<std::int64_t> sums{0, 1, -1, INT64_MAX, INT64_MIN, (std::int64_t{1} << 53) + 1};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const auto words = random(0, 1, i);
    const std::uint64_t bits = static_cast<std::uint64_t>(words[0]) << 32 | words[1];
    sums.push_back(static_cast<std::int64_t>(bits) >> (words[2] % 64));
  }
  for (Isa isa : available_isas()) {
    std::vector<float> floats(sums.size());
    loops_of(isa).exact_to_float(floats.data(), sums.data(), sums.size());
    for (std::size_t i = 0; i < sums.size(); ++i)
      EXPECT_EQ(floats[i], static_cast<float>(std::ldexp(static_cast<double>(sums[i]), -44))) << sums[i];
  }
}

TEST(SquaredNorm, HasTheSameBitsOnEveryInstructionSet) {
  for (std::size_t n : {0, 1, 7, 8, 9, 4096}) {
    const auto values = draw(n, 3);
    double lanes[8] = {}, sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      lanes[i % 8] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    for (double lane : lanes) sum += lane;
    for (Isa isa : available_isas()) EXPECT_EQ(loops_of(isa).squared_norm(values.data(), n), sum) << n;
  }
}

// What sums nothing, or sums in an order of its own, has the same bits on every instruction set.

TEST(Simd, ActivationsHaveTheSameBitsOnEveryInstructionSetAndAtEveryPlace) {
  const std::size_t n = 77;
  const auto x = draw(n, 0), dy = draw(n, 1);
  for (const auto curve : {simd::Curve::linear, simd::Curve::relu, simd::Curve::leaky_relu, simd::Curve::gelu,
                           simd::Curve::gelu_tanh, simd::Curve::tanh, simd::Curve::sigmoid}) {
    std::vector<float> y(n), dx(n), one_y(n), one_dx(n);
    loops_of(Isa::portable).activation_forward(curve, 0.25F, n, x.data(), y.data());
    loops_of(Isa::portable).activation_backward(curve, 0.25F, n, x.data(), y.data(), dy.data(), dx.data());
    for (Isa isa : available_isas())
      for (std::size_t i = 0; i < n; ++i) {
        const std::size_t count = n - i < 40 ? n - i : 40;  // vectors and a rest, from any place
        loops_of(isa).activation_forward(curve, 0.25F, count, &x[i], &one_y[i]);
        loops_of(isa).activation_backward(curve, 0.25F, count, &x[i], &one_y[i], &dy[i], &one_dx[i]);
        ASSERT_EQ(one_y[i], y[i]) << name_of(isa) << static_cast<int>(curve);
        ASSERT_EQ(one_dx[i], dx[i]) << name_of(isa) << static_cast<int>(curve);
      }
  }
}

TEST(Simd, ActivationsKeepNan) {
  const std::vector<float> x(19, NAN);
  for (Isa isa : available_isas())
    for (const auto curve : {simd::Curve::relu, simd::Curve::leaky_relu, simd::Curve::gelu,
                             simd::Curve::gelu_tanh, simd::Curve::tanh, simd::Curve::sigmoid}) {
      std::vector<float> y(x.size());
      loops_of(isa).activation_forward(curve, 0.25F, x.size(), x.data(), y.data());
      for (float value : y) EXPECT_TRUE(std::isnan(value)) << name_of(isa) << static_cast<int>(curve);
    }
}

TEST(Simd, ChannelSumsHaveTheSameBitsOnEveryInstructionSet) {
  for (std::int64_t rows : {1, 3, 4, 50})
    for (std::int64_t channels : {1, 5, 16, 37}) {
      const auto n = static_cast<std::size_t>(rows * channels), c = static_cast<std::size_t>(channels);
      const auto x = draw(n, 0), dy = draw(n, 1), center = draw(c, 2), scale = draw(c, 3), relu = draw(n, 4);
      for (const float* behind : {static_cast<const float*>(nullptr), relu.data()}) {
        std::vector<std::vector<double>> expected;
        for (Isa isa : available_isas()) {
          std::vector<double> mean(c), deviations(c), sum(c), product(c);
          std::vector<float> dx(n);
          loops_of(isa).channel_moments(rows, channels, x.data(), mean.data(), deviations.data());
          simd::ChannelGradientArgs args{rows,   channels,  x.data(),   center.data(),  scale.data(),
                                         behind, dy.data(), sum.data(), product.data(), dx.data()};
          loops_of(isa).channel_gradient(args);
          for (std::size_t i = 0; i < n; ++i)
            ASSERT_EQ(dx[i], !behind || relu[i] > 0 ? dy[i] * scale[i % c] : 0.0F);
          std::vector<std::vector<double>> results{mean, deviations, sum, product};
          if (expected.empty()) expected = results;
          EXPECT_EQ(results, expected) << name_of(isa);
          args.dx = nullptr;
          loops_of(isa).channel_gradient(args);
          EXPECT_EQ(results[2], sum) << name_of(isa);
        }
      }
    }
}

TEST(Simd, DropoutDrawsAreThoseOfTheRandomStream) {
  const RandomStream stream(9, RandomPurpose::dropout, 4);
  const std::size_t n = 131;
  const std::vector<float> x(n, 1);
  const simd::DropoutArgs args{.key = {stream.key()[0], stream.key()[1]},
                               .position = 12,
                               .step = 0x123456789abc,
                               .rate = 0.4F,
                               .scale = 3};
  for (Isa isa : available_isas()) {
    std::vector<float> y(n);
    loops_of(isa).dropout(args, n, x.data(), y.data());
    for (std::size_t e = 0; e < n; ++e) {
      const auto words = stream(args.step, args.position, static_cast<std::uint32_t>(e / 4));
      EXPECT_EQ(y[e], uniform_float(words[e % 4]) < 0.4F ? 0.0F : 3.0F) << name_of(isa) << ' ' << e;
    }
  }
}

TEST(Simd, RowsOfAProductDoNotDependOnTheOthers) {
  const std::int64_t rows = 13, inner = 37, columns = 45;
  const auto x = draw(rows * inner, 0), w = draw(inner * columns, 1), bias = draw(columns, 2);
  for (Isa isa : available_isas()) {
    std::vector<float> all(rows * columns), one(columns);
    std::vector<const float*> from;
    std::vector<float*> to;
    for (std::int64_t m = 0; m < rows; ++m) {
      from.push_back(x.data() + m * inner);
      to.push_back(all.data() + m * columns);
    }
    loops_of(isa).matrix_product(rows, inner, columns, from.data(), w.data(), bias.data(), to.data());
    float* const alone = one.data();
    for (std::int64_t m = 0; m < rows; ++m) {
      loops_of(isa).matrix_product(1, inner, columns, &from[m], w.data(), bias.data(), &alone);
      EXPECT_EQ(one, std::vector<float>(all.begin() + m * columns, all.begin() + (m + 1) * columns))
          << name_of(isa);
    }
  }
}

// Every number of samples that is taken at once, alone or behind others, and parts of vectors both ways.
TEST(Simd, ASamplesDataGradientDoesNotDependOnTheOthers) {
  for (const Isa isa : available_isas())
    for (const auto& [inner, columns] : {std::pair<std::int64_t, std::int64_t>{64, 128}, {37, 77}, {5, 10}}) {
      const auto w = draw(static_cast<std::size_t>(inner * columns), 0);
      const auto dy = draw(static_cast<std::size_t>(23 * columns), 1);
      for (std::int64_t samples = 1; samples <= 23; ++samples) {
        std::vector<float> dx(static_cast<std::size_t>(samples * inner)),
            one(static_cast<std::size_t>(inner));
        std::vector<const float*> from;
        std::vector<float*> to;
        for (std::int64_t m = 0; m < samples; ++m) {
          from.push_back(dy.data() + m * columns);
          to.push_back(dx.data() + m * inner);
        }
        loops_of(isa).data_gradient(samples, inner, columns, from.data(), w.data(), to.data());
        for (std::size_t m = 0; m < to.size(); ++m) {
          float* alone = one.data();
          loops_of(isa).data_gradient(1, inner, columns, &from[m], w.data(), &alone);
          EXPECT_EQ(std::vector<float>(to[m], to[m] + inner), one)
              << name_of(isa) << ", sample " << m << " of " << samples << ", " << inner << "x" << columns;
        }
      }
    }
}

#ifdef CONVOY_SIMD_OBJECTS
// A weak symbol in an object that was compiled for a wide instruction set (an inline function, a template)
// may replace the portable one when the program is linked: then it dies on older processors.
TEST(Simd, ObjectsOfWideInstructionSetsDefineNothingOutsideTheirNamespace) {
  const std::string command = std::string("nm -C --defined-only ") + CONVOY_SIMD_OBJECTS;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_TRUE(pipe) << command;
  const std::regex symbol("^[0-9a-f]+ ([A-Zuvw]) (.*)\n$");
  std::array<char, 4096> line{};
  int own = 0;
  while (std::fgets(line.data(), line.size(), pipe.get())) {
    std::cmatch match;
    if (!std::regex_match(line.data(), match, symbol)) continue;
    const std::string name = match[2];
    const bool inside = name.find("convoy::simd::avx2::") != std::string::npos ||
                        name.find("convoy::simd::avx512::") != std::string::npos ||
                        name == "DW.ref.__gxx_personality_v0";
    EXPECT_TRUE(inside) << line.data();
    own += inside;
  }
  EXPECT_GT(own, 20) << command;
}
#endif

}  // namespace
}  // namespace convoy
