#include "core/cuda/device.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <fmt/format.h>

#include "core/cuda/check.h"
#include "core/cuda/nccl_version.h"
#include "core/error.h"

namespace convoy::cuda {
namespace {

/// "13.0" for 13000, as CUDA counts.
std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

/// "9.13.0", by a library's function that tells one of the three numbers and returns zero.
template <class Get>
std::string version_of(const Get& get) {
  std::array<int, 3> numbers = {};
  const std::array parts = {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL};
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (get(parts[i], &numbers[i]) != 0) return "of an unknown version";
  return fmt::format("{}.{}.{}", numbers[0], numbers[1], numbers[2]);
}

/// Why there is no GPU to use, where CUDA returns this when asked for their number.
std::string absence_of(cudaError_t code, int driver, const std::string& runtime) {
  if (code == cudaErrorInsufficientDriver && driver == 0) return "no NVIDIA driver";
  if (code == cudaErrorInsufficientDriver)
    return fmt::format(
        "the NVIDIA driver knows CUDA {} at most, and this binary has CUDA {}: update the driver",
        version_text(driver), runtime);
  if (code != cudaErrorNoDevice)
    return fmt::format("CUDA does not start: {} ({})", cudaGetErrorString(code), cudaGetErrorName(code));
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return visible ? fmt::format("CUDA_VISIBLE_DEVICES={} leaves no GPU", visible) : "no NVIDIA GPU";
}

std::string pci_address(int number) {
  std::array<char, 32> text = {};
  CONVOY_CUDA_CALL(cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), number));
  std::string address = text.data();
  std::transform(address.begin(), address.end(), address.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return address;
}

DeviceInfo describe(int number) {
  cudaDeviceProp properties = {};
  CONVOY_CUDA_CALL(cudaGetDeviceProperties(&properties, number));
  return {.number = number,
          .name = properties.name,
          .pci_address = pci_address(number),
          .compute_major = properties.major,
          .compute_minor = properties.minor,
          .multiprocessors = properties.multiProcessorCount,
          .memory_bytes = properties.totalGlobalMem};
}

std::vector<DeviceInfo> describe_all(int number) {
  std::vector<DeviceInfo> devices;
  devices.reserve(static_cast<std::size_t>(number));
  for (int device = 0; device < number; ++device) devices.push_back(describe(device));
  return devices;
}

}  // namespace

Availability availability() {
  Availability result;
  result.built = true;
  int runtime = 0, driver = 0, devices = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  result.runtime = version_text(runtime);
  if (driver != 0) result.driver = version_text(driver);
  result.cudnn = version_of(cudnnGetProperty);
  result.cublas = version_of(cublasGetProperty);
  result.nccl = nccl_version();
  const cudaError_t code = cudaGetDeviceCount(&devices);
  if (code == cudaSuccess) {
    try {
      result.devices = describe_all(devices);
    } catch (const DeviceError& failure) {
      result.absence = failure.what();
    }
  } else {
    cudaGetLastError();
    result.absence = absence_of(code, driver, result.runtime);
  }
  return result;
}

}  // namespace convoy::cuda
