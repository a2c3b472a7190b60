#include "core/cpu/reference/provider.h"

#include "core/cpu/reference/kernels.h"

namespace convoy {

namespace {

/// One overload an op: a new op without a reference kernel does not compile.
template <class T>
struct Make {
  const Op& op;
  std::unique_ptr<Kernel> operator()(const Conv2dOp&) const { return reference::make_conv2d<T>(op); }
  std::unique_ptr<Kernel> operator()(const Pool2dOp&) const { return reference::make_pool2d<T>(op); }
  std::unique_ptr<Kernel> operator()(const GlobalAveragePool2dOp&) const {
    return reference::make_global_average_pool2d<T>(op);
  }
  std::unique_ptr<Kernel> operator()(const DenseOp&) const { return reference::make_dense<T>(op); }
  std::unique_ptr<Kernel> operator()(const ActivationOp&) const { return reference::make_activation<T>(op); }
  std::unique_ptr<Kernel> operator()(const DropoutOp&) const { return reference::make_dropout<T>(op); }
  std::unique_ptr<Kernel> operator()(const BatchMomentsOp&) const {
    return reference::make_batch_moments<T>(op);
  }
  std::unique_ptr<Kernel> operator()(const NormalizeOp&) const { return reference::make_normalize<T>(op); }
  std::unique_ptr<Kernel> operator()(const ZeroPadding2dOp&) const {
    return reference::make_zero_padding2d<T>(op);
  }
};

class ReferenceProvider : public Provider {
 public:
  std::string_view name() const override { return "reference"; }
  std::optional<Offer> offer(std::span<const Op>, DType) const override { return Offer{1, 0.0, "loops"}; }
  std::unique_ptr<Kernel> make(std::span<const Op> block, DType type) const override {
    const Op& op = block.front();
    return type == DType::float32 ? std::visit(Make<float>{op}, op.kind)
                                  : std::visit(Make<double>{op}, op.kind);
  }
};

}  // namespace

std::unique_ptr<Provider> make_reference_provider() { return std::make_unique<ReferenceProvider>(); }

}  // namespace convoy
