#include "core/cpu/openblas/provider.h"

#include <cblas.h>
#include <sstream>

#include "core/cpu/openblas/kernels.h"

namespace convoy {

namespace {

class OpenblasProvider : public Provider {
 public:
  std::string_view name() const override { return "openblas"; }

  std::optional<Offer> offer(std::span<const Op> ops, DType type) const override {
    const std::string gemm = type == DType::float32 ? "sgemm" : "dgemm";
    // A depthwise convolution is no matrix product.
    if (const auto* conv = std::get_if<Conv2dOp>(&ops.front().kind);
        conv && (conv->groups == 1 || conv->groups < ops.front().input[2]))
      return Offer{1, 5, "im2col + " + gemm};
    if (std::holds_alternative<DenseOp>(ops.front().kind)) return Offer{1, 5, gemm};
    return std::nullopt;
  }

  std::unique_ptr<Kernel> make(std::span<const Op> block, DType type) const override {
    const Op& op = block.front();
    if (std::holds_alternative<Conv2dOp>(op.kind))
      return type == DType::float32 ? openblas::make_conv2d<float>(op) : openblas::make_conv2d<double>(op);
    return type == DType::float32 ? openblas::make_dense<float>(op) : openblas::make_dense<double>(op);
  }
};

}  // namespace

std::unique_ptr<Provider> make_openblas_provider() {
  openblas_set_num_threads(1);
  return std::make_unique<OpenblasProvider>();
}

std::string openblas_version() {
  // "OpenBLAS 0.3.21 NO_AFFINITY USE64BITINT …"
  std::istringstream config(openblas_get_config());
  std::string name, version;
  config >> name >> version;
  return version;
}

std::string openblas_core() { return openblas_get_corename(); }

}  // namespace convoy
