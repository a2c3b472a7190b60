#include "core/ops.h"

#include <array>

namespace convoy {

std::string_view name_of(const OpKind& kind) {
  static constexpr std::array<std::string_view, std::variant_size_v<OpKind>> kNames{
      "conv2d",        "pool2d",    "global_average_pool2d", "dense", "activation", "dropout",
      "batch_moments", "normalize", "zero_padding2d"};
  return kNames[kind.index()];
}

namespace {

struct ForwardFlops {
  const Op& op;

  double outputs() const { return static_cast<double>(op.output.elements()); }
  double inputs() const { return static_cast<double>(op.input.elements()); }

  double operator()(const Conv2dOp& conv) const {
    const double products =
        static_cast<double>(conv.window.height * conv.window.width * (op.input[2] / conv.groups));
    return outputs() * (2 * products + (conv.use_bias ? 1 : 0));
  }
  double operator()(const Pool2dOp& pool) const {
    return outputs() * static_cast<double>(pool.window.height * pool.window.width);
  }
  double operator()(const GlobalAveragePool2dOp&) const { return inputs(); }
  double operator()(const DenseOp& dense) const {
    return outputs() * (2 * inputs() + (dense.use_bias ? 1 : 0));
  }
  double operator()(const ActivationOp&) const { return outputs(); }
  double operator()(const DropoutOp&) const { return outputs(); }
  double operator()(const BatchMomentsOp&) const { return 3 * inputs(); }
  double operator()(const NormalizeOp&) const { return 2 * outputs(); }
  double operator()(const ZeroPadding2dOp&) const { return 0; }
};

}  // namespace

double Op::flops() const { return std::visit(ForwardFlops{*this}, kind); }

bool is_relu(const Op& op) {
  const auto* activation = std::get_if<ActivationOp>(&op.kind);
  return activation && activation->activation.kind == ActivationKind::relu;
}

}  // namespace convoy
