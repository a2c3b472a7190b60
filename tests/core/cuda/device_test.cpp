#include "core/cuda/device.h"

#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "core/cuda/module.h"
#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::cuda {
namespace {

using fake_cuda::Machine;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

TEST(Availability, ListsTheDevices) {
  const Machine machine({.devices = 3, .memory_bytes = std::size_t{1} << 24});
  const Availability found = availability();
  EXPECT_TRUE(found.built);
  EXPECT_EQ(found.absence, "");
  EXPECT_THAT(found.driver, MatchesRegex("[0-9]+\\.[0-9]"));
  for (const auto& version : {found.cudnn, found.cublas, found.nccl})
    EXPECT_THAT(version, MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  ASSERT_EQ(found.devices.size(), 3U);
  const DeviceInfo& last = found.devices[2];
  EXPECT_EQ(last.number, 2);
  EXPECT_EQ(last.name, "Stand-in GPU");
  EXPECT_THAT(last.pci_address, MatchesRegex("0000:[0-9a-f]{2}:00\\.0"));
  EXPECT_NE(last.pci_address, found.devices[1].pci_address);
  EXPECT_EQ(last.compute_major, 9);
  EXPECT_EQ(last.memory_bytes, std::size_t{1} << 24);
  EXPECT_EQ(machine.leaks(), "");
}

TEST(Availability, SaysThatThereIsNoDriver) {
  const Availability found = availability();
  EXPECT_TRUE(found.built);
  EXPECT_EQ(found.absence, "no NVIDIA driver");
  EXPECT_EQ(found.driver, "");
  EXPECT_THAT(found.runtime, MatchesRegex("[0-9]+\\.[0-9]"));
  EXPECT_THAT(found.devices, IsEmpty());
}

TEST(Availability, SaysThatTheDriverIsTooOld) {
  const Machine machine({.driver = 12020});
  const Availability found = availability();
  EXPECT_THAT(found.absence, HasSubstr("the NVIDIA driver knows CUDA 12.2 at most"));
  EXPECT_THAT(found.absence, HasSubstr("update the driver"));
  EXPECT_THAT(found.devices, IsEmpty());
}

TEST(Availability, SaysThatNoGpuIsLeft) {
  const Machine machine({.devices = 0});
  EXPECT_EQ(availability().absence, "no NVIDIA GPU");
  ::setenv("CUDA_VISIBLE_DEVICES", "7", 1);
  EXPECT_EQ(availability().absence, "CUDA_VISIBLE_DEVICES=7 leaves no GPU");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST(Availability, SaysWhatFailsInsteadOfThrowing) {
  std::int64_t calls = 0;
  {
    const Machine machine({.devices = 2});
    availability();
    calls = machine.calls();
  }
  ASSERT_GT(calls, 3);
  for (std::int64_t call = 1; call <= calls; ++call) {
    const Machine machine({.devices = 2, .failing_call = call});
    const Availability found = availability();
    EXPECT_THAT(found.absence, HasSubstr("unknown error")) << machine.failed_call();
    EXPECT_THAT(found.devices, IsEmpty());
  }
}

TEST(Module, OffersWhatItsOwnProgramAsksFor) {
  const Module* module = convoy_cuda_module("of the tests");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(module->availability().absence, "no NVIDIA driver");
  EXPECT_EQ(convoy_cuda_module("of another build"), nullptr);
}

}  // namespace
}  // namespace convoy::cuda
