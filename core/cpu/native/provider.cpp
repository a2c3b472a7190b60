#include "core/cpu/native/provider.h"

#include "core/cpu/native/kernels.h"

namespace convoy {

namespace {

using Factory = std::unique_ptr<Kernel> (*)(const Op& op, const simd::Table& loops);

/// The factory for an op that there is a kernel for, else null.
Factory factory_for(const Op& op) {
  if (std::holds_alternative<DenseOp>(op.kind)) return native::make_dense;
  if (const auto* activation = std::get_if<ActivationOp>(&op.kind))
    return activation->activation.kind == ActivationKind::relu ? native::make_relu : nullptr;
  if (const auto* pool = std::get_if<Pool2dOp>(&op.kind))
    return pool->kind == Pool2dOp::Kind::max && pool->window.height * pool->window.width <= 256 ? native::make_max_pool2d
                                                                                                : nullptr;
  return nullptr;
}

class NativeProvider : public Provider {
 public:
  explicit NativeProvider(const simd::Table& loops) : loops_(loops) {}

  std::string_view name() const override { return "native"; }
  std::optional<Offer> offer(std::span<const Op> ops, DType type) const override {
    if (type != DType::float32 || !factory_for(ops.front())) return std::nullopt;
    return Offer{1, 10, std::string(loops_.isa) + " loops"};
  }
  std::unique_ptr<Kernel> make(std::span<const Op> block, DType) const override {
    return factory_for(block.front())(block.front(), loops_);
  }

 private:
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Provider> make_native_provider(const simd::Table& loops) {
  return std::make_unique<NativeProvider>(loops);
}

}  // namespace convoy
