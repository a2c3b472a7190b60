#include "core/cpu/onednn/provider.h"

#include <fmt/format.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "core/cpu/onednn/convolution.h"

namespace convoy {

namespace {

bool is_relu(const Op& op) {
  const auto* activation = std::get_if<ActivationOp>(&op.kind);
  return activation && activation->activation.kind == ActivationKind::relu;
}

class OnednnProvider : public Provider {
 public:
  explicit OnednnProvider(const simd::Table& loops) : loops_(loops) {}

  std::string_view name() const override { return "onednn"; }

  std::optional<Offer> offer(std::span<const Op> ops, DType type) const override {
    if (type != DType::float32 || !std::holds_alternative<Conv2dOp>(ops.front().kind)) return std::nullopt;
    if (ops.size() > 1 && is_relu(ops[1])) return Offer{2, 20, "direct convolution + relu"};
    return Offer{1, 20, "direct convolution"};
  }

  std::unique_ptr<Kernel> make(std::span<const Op> block, DType) const override {
    return onednn::make_convolution(block.front(), block.size() == 2, loops_);
  }

 private:
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Provider> make_onednn_provider(const simd::Table& loops) {
  return std::make_unique<OnednnProvider>(loops);
}

void limit_onednn_isa(Isa isa) {
  if (isa == Isa::portable) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
  if (isa == Isa::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
}

std::string onednn_description() {
  const dnnl_version_t* version = dnnl_version();
  const auto isa = dnnl::get_effective_cpu_isa();
  return fmt::format("oneDNN {}.{}.{}, instruction set {:#x}", version->major, version->minor, version->patch,
                     static_cast<unsigned>(isa));
}

}  // namespace convoy
