#include "core/cuda/ops/bias_and_activation.h"

#include "core/cuda/kernels/activation.h"
#include "core/cuda/make_kernel.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

const char* name_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::linear:
      return "linear";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::gelu:
      return "gelu";
    case ActivationKind::tanh:
      return "tanh";
    case ActivationKind::sigmoid:
      return "sigmoid";
    case ActivationKind::softmax:
      return "softmax";
  }
  return "activation";
}

}  // namespace

BiasAndActivation::BiasAndActivation(std::span<const Op> ops, bool use_bias, Storage storage)
    : storage_(storage),
      channels_(ops.front().output[ops.front().output.rank() - 1]),
      pixels_(ops.front().output.elements() / channels_),
      use_bias_(use_bias) {
  const Activation* activation = fusible_activation(ops);
  if (activation && activation->kind != ActivationKind::linear) activation_ = *activation;
}

std::size_t BiasAndActivation::ops(std::span<const Op> ops) { return fusible_activation(ops) ? 2 : 1; }

std::string BiasAndActivation::name(std::span<const Op> ops) {
  const Activation* activation = fusible_activation(ops);
  return activation ? std::string(" + ") + name_of(activation->kind) : std::string();
}

bool BiasAndActivation::keeps_sum() const { return activation_ && !is_known_by_output(*activation_); }

std::size_t BiasAndActivation::saved_bytes(std::int64_t samples) const {
  return keeps_sum() ? static_cast<std::size_t>(rows(samples) * channels_) * size_of(storage_) : 0;
}

std::size_t BiasAndActivation::partial_bytes(std::int64_t samples) const {
  return use_bias_ ? column_sum_bytes(rows(samples), channels_) : 0;
}

void BiasAndActivation::forward(const Stream& stream, const DeviceForwardArgs& args) const {
  if (!use_bias_ && !activation_) return;
  activate(stream, storage_, activation_.value_or(Activation{}), rows(args.samples), channels_, args.output,
           use_bias_ ? args.parameters[1] : nullptr, keeps_sum() && args.training ? args.saved : nullptr,
           args.output);
}

void BiasAndActivation::backward(const Stream& stream, const DeviceBackwardArgs& args, void* partial) const {
  if (activation_)
    activation_gradient(stream, storage_, *activation_, rows(args.samples) * channels_, args.saved,
                        args.output, args.grad_output, args.grad_output);
  if (use_bias_)
    column_sums(stream, storage_, rows(args.samples), channels_, args.grad_output, partial,
                args.grad_parameters[1]);
}

}  // namespace convoy::cuda
