#include "core/cpu/native/kernels.h"
#include "core/random.h"

namespace convoy::native {

namespace {

simd::Curve curve_of(const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::relu:
      return simd::Curve::relu;
    case ActivationKind::leaky_relu:
      return simd::Curve::leaky_relu;
    case ActivationKind::gelu:
      return activation.approximate ? simd::Curve::gelu_tanh : simd::Curve::gelu;
    case ActivationKind::tanh:
      return simd::Curve::tanh;
    case ActivationKind::sigmoid:
      return simd::Curve::sigmoid;
    default:
      return simd::Curve::linear;
  }
}

class ElementWise : public Kernel {
 public:
  ElementWise(const Op& op, const simd::Table& loops)
      : curve_(curve_of(std::get<ActivationOp>(op.kind).activation)),
        slope_(static_cast<float>(std::get<ActivationOp>(op.kind).activation.negative_slope)),
        size_(op.input.elements()),
        loops_(loops) {}

  void forward(const ForwardArgs& args) const override {
    loops_.activation_forward(curve_, slope_, count(args), static_cast<const float*>(args.input),
                              static_cast<float*>(args.output));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.activation_backward(curve_, slope_, count(args), static_cast<const float*>(args.input),
                               static_cast<const float*>(args.output),
                               static_cast<const float*>(args.grad_output),
                               static_cast<float*>(args.grad_input));
  }

 private:
  std::size_t count(const SliceArgs& args) const { return static_cast<std::size_t>(args.samples * size_); }

  simd::Curve curve_;
  float slope_;
  std::int64_t size_;
  const simd::Table& loops_;
};

/// Over the last axis.
class Softmax : public Kernel {
 public:
  Softmax(const Op& op, const simd::Table& loops)
      : width_(op.input[op.input.rank() - 1]), rows_(op.input.elements() / width_), loops_(loops) {}

  void forward(const ForwardArgs& args) const override {
    loops_.softmax_forward(args.samples * rows_, width_, static_cast<const float*>(args.input),
                           static_cast<float*>(args.output));
  }
  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    loops_.softmax_backward(args.samples * rows_, width_, static_cast<const float*>(args.output),
                            static_cast<const float*>(args.grad_output),
                            static_cast<float*>(args.grad_input));
  }

 private:
  std::int64_t width_;
  std::int64_t rows_;
  const simd::Table& loops_;
};

/// Its draws are made again in the backward pass: that costs less than keeping them.
class Dropout : public Kernel {
 public:
  Dropout(const Op& op, const simd::Table& loops)
      : rate_(std::get<DropoutOp>(op.kind).rate),
        layer_(static_cast<std::uint32_t>(op.layer)),
        size_(op.input.elements()),
        loops_(loops) {}

  void forward(const ForwardArgs& args) const override {
    const auto* input = static_cast<const float*>(args.input);
    auto* output = static_cast<float*>(args.output);
    if (args.training)
      drop(args, input, output);
    else
      loops_.activation_forward(simd::Curve::linear, 0, static_cast<std::size_t>(args.samples * size_), input,
                                output);
  }
  void backward(const BackwardArgs& args) const override {
    if (args.grad_input)
      drop(args, static_cast<const float*>(args.grad_output), static_cast<float*>(args.grad_input));
  }

 private:
  void drop(const SliceArgs& args, const float* from, float* to) const {
    const auto key = RandomStream(args.random.seed, RandomPurpose::dropout, layer_).key();
    for (std::int64_t n = 0; n < args.samples; ++n) {
      const simd::DropoutArgs draws{.key = {key[0], key[1]},
                                    .position = static_cast<std::uint32_t>(args.random.first_position + n),
                                    .step = args.random.step,
                                    .rate = static_cast<float>(rate_),
                                    .scale = static_cast<float>(1 / (1 - rate_))};
      loops_.dropout(draws, static_cast<std::size_t>(size_), from + n * size_, to + n * size_);
    }
  }

  double rate_;
  std::uint32_t layer_;
  std::int64_t size_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_activation(const Op& op, const simd::Table& loops) {
  if (std::get<ActivationOp>(op.kind).activation.kind == ActivationKind::softmax)
    return std::make_unique<Softmax>(op, loops);
  return std::make_unique<ElementWise>(op, loops);
}

std::unique_ptr<Kernel> make_dropout(const Op& op, const simd::Table& loops) {
  return std::make_unique<Dropout>(op, loops);
}

}  // namespace convoy::native
