#include "core/cuda/memory.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "core/cuda/check.h"
#include "core/error.h"
#include "tests/core/cuda/device_values.h"
#include "tests/core/cuda/test_kernels.h"
#include "tests/support/fake_cuda/failing_calls.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using fake_cuda::Machine;
using fake_cuda::Order;
using test::Fill;
using test::on_device;
using test::on_host;
using test::Scale;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

/// The message of the DeviceError that `body` throws; empty where it throws none.
template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

TEST(DeviceMemory, ComesBackAsItWasUploaded) {
  const Machine machine({});
  {
    const DeviceMemory memory = on_device(std::vector<float>{1, 2, 3});
    EXPECT_EQ(memory.size(), 12U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % 256, 0U);
    EXPECT_THAT(on_host<float>(memory), ElementsAre(1, 2, 3));
    EXPECT_EQ(machine.leaks(), "1 of cudaMalloc");
  }
  EXPECT_EQ(machine.leaks(), "");
  const DeviceMemory nothing(0);
  upload(nothing.data(), {});
  EXPECT_EQ(nothing.data(), nullptr);
}

TEST(DeviceMemory, SaysWhatIsFreeWhereThereIsNoRoom) {
  const Machine machine({.memory_bytes = std::size_t{4} << 20});
  const DeviceMemory half(std::size_t{2} << 20);
  const std::string error = error_of([] { const DeviceMemory more(std::size_t{3} << 20); });
  EXPECT_THAT(error,
              AllOf(HasSubstr("GPU 0 has no room for 3.0 MiB more"), HasSubstr("2.0 of 4.0 MiB are free")));
  const DeviceMemory rest(std::size_t{2} << 20);
}

TEST(DeviceMemory, FailsCleanlyWhateverCallFails) {
  fake_cuda::expect_each_failure_to_be_clean({}, [] {
    const Stream stream;
    const DeviceMemory memory = on_device(std::vector<float>{1, 2});
    const PinnedMemory pinned(8);
    launch(stream, 2, Scale{memory.as<float>(), memory.as<float>(), 2});
    copy_to_host(stream, pinned.data(), memory.data(), 8);
    clear(stream, memory.data(), 8);
    copy_to_device(stream, memory.data(), pinned.data(), 4);
    copy_on_device(stream, memory.as<float>() + 1, memory.data(), 4);
    stream.synchronize();
    EXPECT_THAT(on_host<float>(memory), ElementsAre(2, 2));
  });
}

TEST(PinnedMemory, BeginsAsZeros) {
  const Machine machine({});
  {
    const PinnedMemory memory(100);
    EXPECT_THAT(memory.as<std::uint8_t>(), AllOf(testing::SizeIs(100), Each(0)));
    EXPECT_EQ(machine.leaks(), "1 of cudaMallocHost");
  }
  EXPECT_EQ(machine.leaks(), "");
}

// What the stand-in catches.

TEST(FakeCudaDeathTest, AHostReadOfDeviceMemoryFaults) {
  const Machine machine({});
  const DeviceMemory memory = on_device(std::vector<float>{1});
  volatile float* value = memory.as<float>();
  EXPECT_DEATH(std::printf("%f", static_cast<double>(*value)), "");
  EXPECT_DEATH(*value = 2, "");
}

TEST(FakeCudaDeathTest, AKernelThatRunsOverTheEndFaults) {
  const Machine machine({});
  const Stream stream;
  const DeviceMemory memory(1024 * sizeof(float)), next(1024 * sizeof(float));
  launch(stream, 1024, Fill{memory.as<float>(), 1});
  stream.synchronize();
  const auto overrun = [&] {
    launch(stream, 1025, Fill{memory.as<float>(), 1});
    stream.synchronize();
  };
  EXPECT_DEATH(overrun(), "");
}

TEST(FakeCudaDeathTest, AKernelOnMemoryOfAnotherDeviceFaults) {
  const Machine machine({.devices = 2});
  const DeviceMemory memory = on_device(std::vector<float>{1});
  CONVOY_CUDA_CALL(cudaSetDevice(1));
  const Stream stream;
  const auto reach_over = [&] {
    launch(stream, 1, Fill{memory.as<float>(), 1});
    stream.synchronize();
  };
  EXPECT_DEATH(reach_over(), "");
  CONVOY_CUDA_CALL(cudaSetDevice(0));
  EXPECT_THAT(on_host<float>(memory), ElementsAre(1));
}

TEST(FakeCudaDeathTest, AKernelOnMemoryThatWasGivenBackFaults) {
  const Machine machine({});
  const Stream stream;
  DeviceMemory memory(4);
  float* address = memory.as<float>();
  memory = DeviceMemory(4);
  const auto use_after_free = [&] {
    launch(stream, 1, Fill{address, 1});
    stream.synchronize();
  };
  EXPECT_DEATH(use_after_free(), "");
}

TEST(FakeCuda, MemoryBeginsAsNan) {
  const Machine machine({});
  const DeviceMemory memory(40);
  for (const float value : on_host<float>(memory)) EXPECT_TRUE(std::isnan(value));
  for (const double value : on_host<double>(memory)) EXPECT_TRUE(std::isnan(value));
}

TEST(FakeCuda, WritingIntoThePaddingIsTold) {
  const Machine machine({});
  const Stream stream;
  {
    const DeviceMemory memory(100);
    launch(stream, 26, Fill{memory.as<float>(), 1});
    stream.synchronize();
  }
  EXPECT_THAT(machine.leaks(), HasSubstr("written past the end of its 100 bytes"));
}

TEST(FakeCuda, LeaksAndWrongFreesAreCounted) {
  const Machine machine({});
  void *device = nullptr, *pinned = nullptr;
  CONVOY_CUDA_CALL(cudaMalloc(&device, 10));
  CONVOY_CUDA_CALL(cudaMallocHost(&pinned, 10));
  EXPECT_EQ(machine.leaks(), "1 of cudaMalloc, 1 of cudaMallocHost");
  EXPECT_EQ(cudaFree(pinned), cudaErrorInvalidValue);
  EXPECT_THAT(machine.leaks(), HasSubstr("given back what cudaMalloc did not give"));
  CONVOY_CUDA_CALL(cudaFree(device));
  CONVOY_CUDA_CALL(cudaFreeHost(pinned));
  EXPECT_EQ(cudaFree(device), cudaErrorInvalidValue);
}

TEST(FakeCuda, AsynchronousCopiesTakePinnedMemoryOnly) {
  const Machine machine({});
  const Stream stream;
  const DeviceMemory memory(8);
  const PinnedMemory pinned(8);
  std::vector<float> pageable(2);
  EXPECT_THAT(error_of([&] { copy_to_device(stream, memory.data(), pageable.data(), 8); }),
              HasSubstr("invalid argument"));
  EXPECT_NE(error_of([&] { copy_to_host(stream, pageable.data(), memory.data(), 8); }), "");
  EXPECT_NE(error_of([&] { copy_to_host(stream, pinned.data() + 4, memory.data(), 8); }), "");
  copy_to_host(stream, pinned.data(), memory.data(), 8);
}

TEST(FakeCuda, CopiesStayWithinTheMemoryOfTheDevice) {
  const Machine machine({.devices = 2});
  const Stream stream;
  const DeviceMemory memory(8);
  const PinnedMemory pinned(16);
  EXPECT_NE(error_of([&] { copy_to_device(stream, memory.data(), pinned.data(), 9); }), "");
  EXPECT_NE(error_of([&] { copy_on_device(stream, pinned.data(), memory.data(), 8); }), "");
  EXPECT_NE(error_of([&] { clear(stream, memory.data() + 1, 8); }), "");
  CONVOY_CUDA_CALL(cudaSetDevice(1));
  const Stream other;
  EXPECT_NE(error_of([&] { clear(other, memory.data(), 8); }), "");
}

TEST(FakeCuda, TheDestinationOfACopyHoldsNonsenseUntilItHasRun) {
  const Machine machine({.order = Order::latest});
  const Stream stream;
  const DeviceMemory memory = on_device(std::vector<float>{5});
  const PinnedMemory pinned(4);
  copy_to_host(stream, pinned.data(), memory.data(), 4);
  EXPECT_TRUE(std::isnan(pinned.as<float>()[0]));
  stream.synchronize();
  EXPECT_EQ(pinned.as<float>()[0], 5);
}

TEST(FakeCuda, TheSourceOfACopyIsReadWhenItRuns) {
  const Machine machine({.order = Order::latest});
  const Stream stream;
  const DeviceMemory memory(4);
  const PinnedMemory pinned(4);
  pinned.as<float>()[0] = 1;
  copy_to_device(stream, memory.data(), pinned.data(), 4);
  pinned.as<float>()[0] = 2;  // too early
  stream.synchronize();
  EXPECT_THAT(on_host<float>(memory), ElementsAre(2));
}

TEST(FakeCuda, ACopyFromPageableMemoryMayReturnBeforeTheDeviceHasIt) {
  const Machine machine({.order = Order::latest});
  const Stream stream;
  const DeviceMemory from(4), to(4);
  const float value = 3;
  CONVOY_CUDA_CALL(cudaMemcpy(from.data(), &value, 4, cudaMemcpyHostToDevice));
  launch(stream, 1, Scale{from.as<float>(), to.as<float>(), 1});
  stream.synchronize();
  EXPECT_TRUE(std::isnan(on_host<float>(to)[0]));
  upload(from.data(), std::as_bytes(std::span(&value, 1)));
  launch(stream, 1, Scale{from.as<float>(), to.as<float>(), 1});
  stream.synchronize();
  EXPECT_THAT(on_host<float>(to), ElementsAre(3));
}

TEST(FakeCuda, AFailingCallIsNamed) {
  const Machine machine({.failing_call = 2});
  const Stream stream;
  EXPECT_EQ(machine.failed_call(), "");
  EXPECT_THAT(error_of([] { const DeviceMemory memory(4); }), HasSubstr("no room"));
  EXPECT_EQ(machine.failed_call(), "cudaMalloc");
  EXPECT_EQ(machine.calls(), 3);  // and what is free was asked
  const DeviceMemory memory(4);
}

}  // namespace
}  // namespace convoy::cuda
