#include <gtest/gtest.h>
#include <map>

#include "core/cpu/reference/provider.h"
#include "core/cuda/kernels/activation.h"
#include "core/cuda/kernels/layout.h"
#include "tests/core/cpu/random_ops.h"
#include "tests/core/cuda/device_run.h"
#include "tests/core/cuda/own_kernels.h"
#include "tests/support/fake_cuda/fake_cuda.h"

// The device's own kernels of ops against the CPU's reference loops.

namespace convoy::cuda {
namespace {

using convoy::test::draw_numbers;
using convoy::test::draw_ops;
using convoy::test::expect_close;
using convoy::test::Numbers;
using convoy::test::Results;
using convoy::test::RunOptions;
using fake_cuda::Machine;
using fake_cuda::Threads;
using test::on_device;
using test::on_host;
using test::own_kernel;

Results expected(const Op& op, std::int64_t samples, const Numbers& numbers, const RunOptions& options) {
  const auto kernel = make_reference_provider()->make({&op, 1}, DType::float64);
  return convoy::test::run<double>(*kernel, {&op, 1}, samples, numbers, options);
}

/// The numbers that the storage holds of others.
void round(std::vector<double>& values, Storage storage) {
  if (storage == Storage::bfloat16)
    for (double& value : values) value = static_cast<double>(float{BFloat16(static_cast<float>(value))});
}

class DeviceOps : public testing::TestWithParam<Storage> {
 protected:
  double tolerance() const { return GetParam() == Storage::bfloat16 ? 0.01 : 2e-6; }
};

TEST_P(DeviceOps, AreTheReferences) {
  std::map<std::string, int> seen;
  for (std::uint32_t draw = 0; draw < 12; ++draw)
    for (const Op& op : draw_ops(draw)) {
      if (!own_kernel(op, GetParam())) continue;
      SCOPED_TRACE(convoy::test::describe(op));
      const std::int64_t samples = 1 + draw % 9;
      RunOptions options;
      options.training = draw % 4 != 3;
      options.want_grad_input = draw % 3 != 2;
      Numbers numbers = draw_numbers({&op, 1}, samples, draw);
      round(numbers.input, GetParam());
      round(numbers.grad_output, GetParam());
      std::optional<Results> first;
      for (const Threads threads : {Threads::forward, Threads::backward, Threads::shuffled}) {
        const Machine machine({.threads = threads});
        const auto kernel = own_kernel(op, GetParam());
        Results results = test::run(*kernel, {&op, 1}, samples, numbers, GetParam(), options);
        EXPECT_EQ(machine.leaks(), "");
        if (first)
          EXPECT_EQ(results, *first);
        else
          first = std::move(results);
      }
      const Results wanted = expected(op, samples, numbers, options);
      if (options.training)
        expect_close(*first, wanted, tolerance());
      else
        expect_close(first->output, wanted.output, tolerance(), "output");
      ++seen[std::string(name_of(op.kind))];
    }
  EXPECT_EQ(seen.size(), 7U) << "all but convolutions and dense layers";
}

INSTANTIATE_TEST_SUITE_P(Storages, DeviceOps, testing::Values(Storage::float32, Storage::bfloat16),
                         test::name_of_storage);

TEST(DeviceActivation, TakesABiasAndKeepsTheSumWhereItIsAsked) {
  const Machine machine({});
  const Stream stream;
  const DeviceMemory x = on_device(std::vector<float>{1, -2, 3, -4, 5, -6}),
                     bias = on_device(std::vector<float>{-2, 3}), sum(x.size()), y(x.size());
  for (void* kept : {static_cast<void*>(nullptr), static_cast<void*>(sum.data())}) {
    activate(stream, Storage::float32, {ActivationKind::relu}, 3, 2, x.data(), bias.as<float>(), kept,
             y.data());
    stream.synchronize();
    EXPECT_EQ(on_host<float>(y), (std::vector<float>{0, 1, 1, 0, 3, 0}));
  }
  EXPECT_EQ(on_host<float>(sum), (std::vector<float>{-1, 1, 1, -1, 3, -3}));
}

TEST(DeviceColumnSums, AddEveryRow) {
  for (const Threads threads : {Threads::forward, Threads::shuffled})
    for (const std::int64_t rows : {1, 31, 32, 33, 100}) {
      const Machine machine({.threads = threads});
      const Stream stream;
      std::vector<float> values;
      for (std::int64_t i = 0; i < rows * 3; ++i) values.push_back(static_cast<float>(i % 7));
      const DeviceMemory on = on_device(values), partial(column_sum_bytes(rows, 3)), sums(3 * sizeof(float));
      column_sums(stream, Storage::float32, rows, 3, on.data(), partial.data(), sums.as<float>());
      stream.synchronize();
      std::vector<float> wanted(3);
      for (std::size_t i = 0; i < values.size(); ++i) wanted[i % 3] += values[i];
      EXPECT_EQ(on_host<float>(sums), wanted) << rows;
    }
}

TEST(DeviceLayouts, FiltersGoToKrscAndBack) {
  const Machine machine({});
  const Stream stream;
  const FilterShape shape{2, 3, 4, 5};
  std::vector<float> hwio(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < hwio.size(); ++i) hwio[i] = static_cast<float>(i);
  const DeviceMemory from = on_device(hwio), krsc(from.size()), back(from.size());
  to_krsc(stream, Storage::float32, shape, from.as<float>(), krsc.data());
  to_hwio(stream, shape, krsc.as<float>(), back.as<float>());
  stream.synchronize();
  const std::vector<float> there = on_host<float>(krsc);
  for (std::int64_t o = 0, i = 0; o < shape.out; ++o)
    for (std::int64_t tap = 0; tap < shape.height * shape.width; ++tap)
      for (std::int64_t c = 0; c < shape.in; ++c, ++i)
        ASSERT_EQ(there[static_cast<std::size_t>(i)],
                  static_cast<float>((tap * shape.in + c) * shape.out + o));
  EXPECT_EQ(on_host<float>(back), hwio);
}

TEST(DeviceLayouts, StorageRoundsAndWidens) {
  const Machine machine({});
  const Stream stream;
  const std::vector<float> values{1, 1.00390625F, -3.14159F, 1e30F};
  for (const Storage storage : {Storage::float32, Storage::bfloat16}) {
    const DeviceMemory from = on_device(values), stored(values.size() * size_of(storage)), back(from.size());
    store(stream, storage, 4, from.as<float>(), stored.data());
    widen(stream, storage, 4, stored.data(), back.as<float>());
    stream.synchronize();
    std::vector<float> wanted = values;
    if (storage == Storage::bfloat16)
      for (float& value : wanted) value = float{BFloat16(value)};
    EXPECT_EQ(on_host<float>(back), wanted);
  }
}

}  // namespace
}  // namespace convoy::cuda
