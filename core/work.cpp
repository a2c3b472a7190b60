#include "core/work.h"

namespace convoy {

namespace {

double elements(const Shape& shape) { return static_cast<double>(shape.elements()); }

double parameter_elements(std::span<const Op> block) {
  double sum = 0;
  for (const Op& op : block)
    for (const ParameterRange& range : op.parameters) sum += elements(range.shape);
  return sum;
}

double tensor_bytes(std::span<const Op> block, double samples) {
  return sizeof(float) * (elements(block.front().input) + elements(block.back().output) +
                          parameter_elements(block) / samples);
}

struct DataGradientFlops {
  const Op& op;

  double outputs() const { return elements(op.output); }
  double inputs() const { return elements(op.input); }

  double operator()(const Conv2dOp& conv) const { return op.flops() - (conv.use_bias ? outputs() : 0); }
  double operator()(const DenseOp& dense) const { return op.flops() - (dense.use_bias ? outputs() : 0); }
  double operator()(const Pool2dOp& pool) const {
    return pool.kind == Pool2dOp::Kind::max ? outputs() : op.flops();
  }
  double operator()(const GlobalAveragePool2dOp&) const { return inputs(); }
  double operator()(const ActivationOp&) const { return outputs(); }
  double operator()(const DropoutOp&) const { return outputs(); }
  double operator()(const BatchMomentsOp&) const { return 6 * inputs(); }
  double operator()(const NormalizeOp&) const { return outputs(); }
  double operator()(const ZeroPadding2dOp&) const { return 0; }
};

struct WeightGradientFlops {
  const Op& op;

  /// A multiply-add for each of the forward pass, an addition for each of the bias.
  double operator()(const Conv2dOp&) const { return op.flops(); }
  double operator()(const DenseOp&) const { return op.flops(); }
  /// Sums of dy and of dy * xhat.
  double operator()(const NormalizeOp&) const { return 5 * elements(op.output); }
  template <class Other>
  double operator()(const Other&) const {
    return 0;
  }
};

}  // namespace

Work forward_work(std::span<const Op> block, double samples) {
  Work work{0, tensor_bytes(block, samples)};
  for (const Op& op : block) work.flops += op.flops();
  return work;
}

Work data_gradient_work(std::span<const Op> block, double samples, bool input_gradient) {
  Work work{0, input_gradient ? tensor_bytes(block, samples) : 0};
  for (const Op& op : input_gradient ? block : block.subspan(1))
    work.flops += std::visit(DataGradientFlops{op}, op.kind);
  return work;
}

Work weight_gradient_work(std::span<const Op> block, double samples) {
  if (parameter_elements(block) == 0) return {};
  Work work{0, tensor_bytes(block, samples)};
  for (const Op& op : block) work.flops += std::visit(WeightGradientFlops{op}, op.kind);
  return work;
}

}  // namespace convoy
