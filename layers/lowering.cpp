#include "layers/layer.h"

namespace convoy {

namespace {

/// No model of this many elements fits a machine; far below it, sums of sizes cannot overflow.
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;

/// Whether a tensor of this shape can be counted, and stored on any machine.
bool is_storable(const Shape& shape) {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape.extents())
    if (__builtin_mul_overflow(product, extent, &product) || product > kMostElements) return false;
  return true;
}

ParameterRange place(std::vector<ModelTensor>& tensors, std::int64_t& size, ModelTensor tensor) {
  if (!is_storable(tensor.shape))
    throw LayerProblem("", "its {} {} is larger than any machine holds; choose smaller sizes",
                       tensor.name.substr(tensor.name.rfind('/') + 1), tensor.shape.to_string());
  tensor.offset = size;
  const ParameterRange range{tensor.offset, tensor.shape};
  size += (tensor.shape.elements() + 15) / 16 * 16;
  tensors.push_back(std::move(tensor));
  return range;
}

}  // namespace

ParameterRange Lowering::parameter(const std::string& name, const Shape& shape,
                                   const Initializer& initializer) {
  return place(model_.parameters, model_.parameter_elements,
               {layer_name_ + "/" + name, shape, initializer, 0});
}

ParameterRange Lowering::statistic(const std::string& name, const Shape& shape,
                                   const Initializer& initializer) {
  return place(model_.statistics, model_.statistics_elements,
               {layer_name_ + "/" + name, shape, initializer, 0});
}

void Lowering::append(OpKind kind, const Shape& output, std::vector<ParameterRange> parameters,
                      std::vector<ParameterRange> statistics) {
  if (!is_storable(output))
    throw LayerProblem("", "its output {} is larger than any machine holds; choose smaller sizes",
                       output.to_string());
  Op op;
  op.kind = std::move(kind);
  op.input = shape_;
  op.output = output;
  op.layer = layer_;
  op.layer_name = layer_name_;
  op.parameters = std::move(parameters);
  op.statistics = std::move(statistics);
  model_.ops.push_back(std::move(op));
  shape_ = output;
}

void Lowering::append_activation(const Activation& activation) {
  if (activation.kind != ActivationKind::linear) append(ActivationOp{activation}, shape_);
}

void Lowering::require_image() const {
  if (shape_.rank() == 3) return;
  throw LayerProblem(
      "", "needs an image [height, width, channels], but its input is {}; put it before `- flatten`",
      shape_.to_string());
}

}  // namespace convoy
