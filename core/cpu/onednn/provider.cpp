#include "core/cpu/onednn/provider.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "core/cpu/native/convolution_then_pooling.h"
#include "core/cpu/onednn/convolution.h"
#include "core/error.h"

namespace convoy {

namespace {

class OnednnProvider : public Provider {
 public:
  explicit OnednnProvider(const simd::Table& loops) : loops_(loops) {}

  std::string_view name() const override { return "onednn"; }

  std::optional<Offer> offer(std::span<const Op> ops, DType type) const override {
    if (type != DType::float32 || !std::holds_alternative<Conv2dOp>(ops.front().kind)) return std::nullopt;
    if (native::is_convolution_then_pooling(ops))
      return Offer{3, 20, "direct convolution + relu + max pooling"};
    if (ops.size() > 1 && is_relu(ops[1])) return Offer{2, 20, "direct convolution + relu"};
    return Offer{1, 20, "direct convolution"};
  }

  std::unique_ptr<Kernel> make(std::span<const Op> block, DType) const override {
    auto convolution = onednn::make_convolution(block.front(), block.size() == 2, loops_);
    return block.size() == 3 ? native::make_convolution_then_pooling(std::move(convolution), block, loops_)
                             : std::move(convolution);
  }

 private:
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Provider> make_onednn_provider(const simd::Table& loops) {
  return std::make_unique<OnednnProvider>(loops);
}

void limit_onednn_isa(Isa isa) {
  const auto widest = isa == Isa::avx512 ? dnnl::cpu_isa::avx512_core
                      : isa == Isa::avx2 ? dnnl::cpu_isa::avx2
                                         : dnnl::cpu_isa::sse41;
  if (dnnl::set_max_cpu_isa(widest) != dnnl::status::success)
    throw DeviceError("distributed.cpu_isa: oneDNN refuses to be limited to {}; set DNNL_MAX_CPU_ISA instead",
                      name_of(isa));
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

std::string onednn_isa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return fmt::format("{:#x}", static_cast<unsigned>(dnnl::get_effective_cpu_isa()));
  }
}

}  // namespace convoy
