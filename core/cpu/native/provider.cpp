#include "core/cpu/native/provider.h"

#include <fmt/format.h>

#include "core/cpu/native/convolution.h"
#include "core/cpu/native/kernels.h"
#include "core/cpu/native/pooled_convolution.h"

namespace convoy {

namespace {

using Factory = std::unique_ptr<Kernel> (*)(const Op& op, const simd::Table& loops);

/// The factory for an op that there is a kernel for by itself, else null. One overload an op, so that a new
/// one is not forgotten.
struct Choose {
  const Op& op;
  Factory operator()(const ActivationOp&) const { return native::make_activation; }
  Factory operator()(const DropoutOp&) const { return native::make_dropout; }
  Factory operator()(const Pool2dOp& pool) const {
    return native::can_pool(pool) ? native::make_pool2d : nullptr;
  }
  Factory operator()(const GlobalAveragePool2dOp&) const { return native::make_global_average_pool2d; }
  Factory operator()(const DenseOp&) const { return native::make_dense; }
  Factory operator()(const BatchMomentsOp&) const { return native::make_batch_moments; }
  Factory operator()(const NormalizeOp&) const { return nullptr; }
  Factory operator()(const Conv2dOp& conv) const {
    return conv.groups == op.input[2] && conv.groups == op.output[2] ? native::make_depthwise_conv2d
                                                                     : nullptr;
  }
  Factory operator()(const ZeroPadding2dOp&) const {
    return nullptr;
  }  // the reference copies whole rows already
};

Factory factory_for(const Op& op) { return std::visit(Choose{op}, op.kind); }

bool fills_vectors(const Op& conv) { return conv.input[2] % 16 == 0 && conv.output[2] % 16 == 0; }

class NativeProvider : public Provider {
 public:
  explicit NativeProvider(const simd::Table& loops) : loops_(loops) {}

  std::string_view name() const override { return "native"; }
  std::optional<Offer> offer(std::span<const Op> ops, DType type) const override {
    if (type != DType::float32) return std::nullopt;
    if (native::is_pooled_convolution(ops, loops_))
      return Offer{3, 30, fmt::format("{} Winograd convolution + relu + max pooling", loops_.isa)};
    if (factory_for(ops.front())) return Offer{1, 10, std::string(loops_.isa) + " loops"};
    if (const std::size_t taken = native::normalize_ops(ops))
      return Offer{taken, 10, fmt::format("{} loops{}", loops_.isa, taken == 2 ? " + relu" : "")};
    if (const std::size_t taken = native::convolution_ops(ops))
      return Offer{taken, fills_vectors(ops.front()) ? 25.0 : 5.0,
                   fmt::format("{} {}{}", loops_.isa, native::convolution_name(ops.front(), loops_),
                               taken == 2 ? " + relu" : "")};
    return std::nullopt;
  }
  std::unique_ptr<Kernel> make(std::span<const Op> block, DType) const override {
    if (block.size() == 3) return native::make_pooled_convolution(block, loops_);
    if (const Factory factory = factory_for(block.front())) return factory(block.front(), loops_);
    if (native::normalize_ops(block)) return native::make_normalize(block, loops_);
    return native::make_convolution(block, loops_);
  }

 private:
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Provider> make_native_provider(const simd::Table& loops) {
  return std::make_unique<NativeProvider>(loops);
}

}  // namespace convoy
