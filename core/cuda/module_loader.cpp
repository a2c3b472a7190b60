#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <system_error>

#include "core/cuda/module.h"
#include "core/error.h"

namespace convoy::cuda {
namespace {

constexpr const char* kFile = "libconvoy_cuda.so";

/// Beside the program, as it is built; or else where it is installed, seen from the program.
std::filesystem::path module_path() {
  std::error_code unknown;
  const auto directory = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path();
  const auto beside = directory / kFile;
  return std::filesystem::exists(beside, unknown) ? beside : directory / CONVOY_CUDA_MODULE_DIRECTORY / kFile;
}

const Module* open_module() {
  const std::filesystem::path path = module_path();
  // For good: CUDA's libraries do not bear being closed.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) throw DeviceError("the CUDA backend cannot be loaded: {}", ::dlerror());
  void* entry = ::dlsym(library, "convoy_cuda_module");
  const auto get = reinterpret_cast<decltype(&convoy_cuda_module)>(entry);
  const Module* module = get ? get(CONVOY_CUDA_MODULE_VERSION) : nullptr;
  if (!module)
    throw DeviceError("{} is not of this build of convoy; install or build both together", path.string());
  return module;
}

}  // namespace

const Module& module() {
  static const Module* const opened = open_module();
  return *opened;
}

Availability availability() {
  try {
    return module().availability();
  } catch (const DeviceError& failure) {
    Availability result;
    result.built = true;
    result.absence = failure.what();
    return result;
  }
}

}  // namespace convoy::cuda
