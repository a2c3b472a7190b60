#include "core/cuda/module.h"

#include <string_view>

namespace convoy::cuda {
namespace {

class CudaModule : public Module {
 public:
  Availability availability() const override { return cuda::availability(); }
};

}  // namespace
}  // namespace convoy::cuda

const convoy::cuda::Module* convoy_cuda_module(const char* version) {
  static const convoy::cuda::CudaModule module;
  return std::string_view(version) == CONVOY_CUDA_MODULE_VERSION ? &module : nullptr;
}
