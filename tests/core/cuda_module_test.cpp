#include <gtest/gtest.h>

#include "core/cuda/device.h"
#include "core/cuda/module.h"
#include "core/error.h"

namespace convoy::cuda {
namespace {

// The real backend where it is built, the stub where it is not; with a GPU or without.
TEST(CudaModule, TellsWhatThereIsWithoutFailing) {
  const Availability found = availability();
  EXPECT_EQ(found.devices.empty(), !found.absence.empty()) << found.absence;
  if (!found.built) {
    EXPECT_EQ(found.absence, "this binary was built without CUDA");
    EXPECT_THROW(module(), DeviceError);
    return;
  }
  EXPECT_NE(found.runtime, "") << found.absence;
  EXPECT_NE(found.cudnn, "");
  EXPECT_EQ(module().availability().absence, found.absence);
}

}  // namespace
}  // namespace convoy::cuda
