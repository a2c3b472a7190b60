#include <algorithm>
#include <map>
#include <optional>

#include "core/cuda/cudnn_convolution.h"
#include "core/cuda/kernels/layout.h"
#include "core/cuda/kernels/pooling.h"
#include "core/cuda/libraries.h"
#include "core/cuda/make_kernel.h"
#include "core/cuda/ops/bias_and_activation.h"
#include "core/cuda/storage.h"
#include "core/error.h"

namespace convoy::cuda {

namespace {

/// What cuDNN's tensors and workspaces are aligned to.
constexpr std::size_t kPlaceAlignment = 256;

/// One axis of a window: how much cuDNN pads on both sides, and how much room the input needs for that.
struct Axis {
  std::int64_t pad = 0;     ///< by cuDNN
  std::int64_t before = 0;  ///< by a copy of the input
  std::int64_t extent = 0;  ///< of that copy
};

/// cuDNN pads alike on both sides. Where that does not give the right number of outputs, the input is copied
/// into a padded one.
Axis pad(std::int64_t in, std::int64_t out, std::int64_t reach, std::int64_t stride, std::int64_t before,
         std::int64_t behind) {
  const std::int64_t last = in + 2 * before - reach;
  if (last >= 0 && last / stride + 1 == out) return {before, 0, in};
  return {0, before, in + before + behind};
}

class Convolution : public DeviceKernel {
 public:
  Convolution(Libraries& libraries, std::span<const Op> ops, Storage storage);

  void plan(std::int64_t samples) override;
  void prepare(const Stream& stream, const float* const* parameters) const override {
    to_krsc(stream, storage_, filter_, parameters[0], filters_.data());
  }

  std::size_t saved_bytes(std::int64_t samples) const override { return tail_.saved_bytes(samples); }
  /// Also enough for smaller slices that are planned, whose algorithms may take more.
  std::size_t workspace_bytes(std::int64_t samples) const override;

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override;
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override;

 private:
  /// What is decided once for slices of some samples.
  struct Plan {
    CudnnConvolution stored;                 ///< in the storage
    std::optional<CudnnConvolution> wide{};  ///< in float32, for filters' gradients, where that is another
    ConvolutionAlgorithms algorithms{};
    // Places in the workspace.
    std::size_t padded = 0, wide_input = 0, wide_gradient = 0, filter_gradient = 0, bias_partials = 0,
                library = 0;
    std::size_t library_bytes = 0, workspace_bytes = 0;

    const CudnnConvolution& for_filters() const { return wide ? *wide : stored; }
  };

  bool is_padded() const {
    return frame_.outer_height != frame_.height || frame_.outer_width != frame_.width;
  }
  ConvolutionShape shape(std::int64_t samples) const;
  ConvolutionAlgorithms choose(const Plan& plan) const;
  void find_places(Plan& plan, std::int64_t samples) const;
  const Plan& plan_of(std::int64_t samples) const;
  /// The input as cuDNN is to see it.
  const void* padded_input(const Stream& stream, const Plan& plan, const DeviceSliceArgs& args) const;
  void filter_gradient(const Stream& stream, const Plan& plan, const DeviceBackwardArgs& args) const;

  Libraries& libraries_;
  Storage storage_;
  Op op_;
  Conv2dOp convolution_;
  FilterShape filter_;
  Axis y_, x_;
  Frame frame_;  ///< of the input in its padded copy
  BiasAndActivation tail_;
  DeviceMemory filters_;  ///< KRSC, in the storage
  std::map<std::int64_t, Plan> plans_;
};

Convolution::Convolution(Libraries& libraries, std::span<const Op> ops, Storage storage)
    : libraries_(libraries),
      storage_(storage),
      op_(ops.front()),
      convolution_(std::get<Conv2dOp>(op_.kind)),
      tail_(ops, convolution_.use_bias, storage) {
  const Window2d& w = convolution_.window;
  const Shape &in = op_.input, &out = op_.output;
  filter_ = {w.height, w.width, in[2] / convolution_.groups, out[2]};
  y_ = pad(in[0], out[0], (w.height - 1) * w.dilation_y + 1, w.stride_y, w.pad_top, w.pad_bottom);
  x_ = pad(in[1], out[1], (w.width - 1) * w.dilation_x + 1, w.stride_x, w.pad_left, w.pad_right);
  frame_ = {in[0], in[1], in[2], y_.before, x_.before, y_.extent, x_.extent};
  filters_ = DeviceMemory(static_cast<std::size_t>(filter_.elements()) * size_of(storage));
}

ConvolutionShape Convolution::shape(std::int64_t samples) const {
  const Window2d& w = convolution_.window;
  return {.samples = samples,
          .input = {frame_.outer_height, frame_.outer_width, frame_.channels},
          .output = op_.output,
          .filter = filter_,
          .pad_y = y_.pad,
          .pad_x = x_.pad,
          .stride_y = w.stride_y,
          .stride_x = w.stride_x,
          .dilation_y = w.dilation_y,
          .dilation_x = w.dilation_x,
          .groups = convolution_.groups};
}

/// cuDNN gives gradients of bfloat16 factors as bfloat16 alone. They are to be float32, so their factors are
/// made float32: TF32 then multiplies them without loss, as bfloat16's 8 bits of fraction fit into its 11.
void Convolution::plan(std::int64_t samples) {
  if (plans_.contains(samples)) return;
  const ConvolutionShape shape = this->shape(samples);
  Plan plan{.stored = {shape, storage_, libraries_.cudnn_math(storage_), op_.layer_name}};
  if (storage_ != Storage::float32)
    plan.wide = CudnnConvolution(shape, Storage::float32, CUDNN_DEFAULT_MATH, op_.layer_name);
  ConvolutionChoices& choices = libraries_.choices();
  const std::int64_t offset = op_.parameters.front().offset;
  if (const ConvolutionAlgorithms* chosen = choices.find(offset, samples))
    plan.algorithms = *chosen;
  else
    plan.algorithms = choose(plan);
  find_places(plan, samples);
  choices.add({offset, samples, plan.algorithms});
  plans_.emplace(samples, std::move(plan));
}

ConvolutionAlgorithms Convolution::choose(const Plan& plan) const {
  const cudnnHandle_t handle = libraries_.cudnn();
  return {.forward = plan.stored.choose(handle, ConvolutionPass::forward),
          .backward_data = plan.stored.choose(handle, ConvolutionPass::backward_data),
          .backward_filter =
              plan.for_filters().choose(handle, ConvolutionPass::backward_filter, plan.wide.has_value())};
}

void Convolution::find_places(Plan& plan, std::int64_t samples) const {
  std::size_t end = 0;
  const auto place = [&](std::size_t bytes) {
    const std::size_t begin = end;
    end += (bytes + kPlaceAlignment - 1) / kPlaceAlignment * kPlaceAlignment;
    return begin;
  };
  const auto elements = [&](std::int64_t number) { return static_cast<std::size_t>(samples * number); };
  const std::int64_t input = frame_.outer_height * frame_.outer_width * frame_.channels;
  plan.padded = place(is_padded() ? elements(input) * size_of(storage_) : 0);
  plan.wide_input = place(plan.wide ? elements(input) * sizeof(float) : 0);
  plan.wide_gradient = place(plan.wide ? elements(op_.output.elements()) * sizeof(float) : 0);
  plan.filter_gradient = place(static_cast<std::size_t>(filter_.elements()) * sizeof(float));
  plan.bias_partials = place(tail_.partial_bytes(samples));
  const cudnnHandle_t handle = libraries_.cudnn();
  plan.library_bytes = std::max(
      {plan.stored.workspace_bytes(handle, ConvolutionPass::forward, plan.algorithms.forward),
       plan.stored.workspace_bytes(handle, ConvolutionPass::backward_data, plan.algorithms.backward_data),
       plan.for_filters().workspace_bytes(handle, ConvolutionPass::backward_filter,
                                          plan.algorithms.backward_filter)});
  plan.library = place(plan.library_bytes);
  plan.workspace_bytes = end;
}

const Convolution::Plan& Convolution::plan_of(std::int64_t samples) const {
  const auto found = plans_.find(samples);
  require(found != plans_.end(), "a convolution was not planned for a slice's samples");
  return found->second;
}

std::size_t Convolution::workspace_bytes(std::int64_t samples) const {
  std::size_t bytes = plan_of(samples).workspace_bytes;
  for (const auto& [planned, plan] : plans_)
    if (planned < samples) bytes = std::max(bytes, plan.workspace_bytes);
  return bytes;
}

/// A place in a slice's workspace.
void* at(const DeviceSliceArgs& args, std::size_t offset) {
  return static_cast<std::byte*>(args.workspace) + offset;
}

const void* Convolution::padded_input(const Stream& stream, const Plan& plan,
                                      const DeviceSliceArgs& args) const {
  if (!is_padded()) return args.input;
  surround_with_zeros(stream, storage_, frame_, args.samples, args.input, at(args, plan.padded));
  return at(args, plan.padded);
}

void Convolution::forward(const Stream& stream, const DeviceForwardArgs& args) const {
  const Plan& plan = plan_of(args.samples);
  plan.stored.forward(libraries_.cudnn(stream), plan.algorithms.forward, padded_input(stream, plan, args),
                      filters_.data(), args.output, {at(args, plan.library), plan.library_bytes});
  tail_.forward(stream, args);
}

void Convolution::filter_gradient(const Stream& stream, const Plan& plan,
                                  const DeviceBackwardArgs& args) const {
  const void* input = padded_input(stream, plan, args);
  const void* gradient = args.grad_output;
  if (plan.wide) {
    widen(stream, storage_, args.samples * frame_.outer_height * frame_.outer_width * frame_.channels, input,
          static_cast<float*>(at(args, plan.wide_input)));
    widen(stream, storage_, args.samples * op_.output.elements(), gradient,
          static_cast<float*>(at(args, plan.wide_gradient)));
    input = at(args, plan.wide_input);
    gradient = at(args, plan.wide_gradient);
  }
  float* krsc = static_cast<float*>(at(args, plan.filter_gradient));
  plan.for_filters().backward_filter(libraries_.cudnn(stream), plan.algorithms.backward_filter, input,
                                     gradient, krsc, {at(args, plan.library), plan.library_bytes});
  to_hwio(stream, filter_, krsc, args.grad_parameters[0]);
}

void Convolution::backward(const Stream& stream, const DeviceBackwardArgs& args) const {
  const Plan& plan = plan_of(args.samples);
  tail_.backward(stream, args, at(args, plan.bias_partials));
  filter_gradient(stream, plan, args);
  if (!args.grad_input) return;
  void* padded = is_padded() ? at(args, plan.padded) : args.grad_input;
  plan.stored.backward_data(libraries_.cudnn(stream), plan.algorithms.backward_data, filters_.data(),
                            args.grad_output, padded, {at(args, plan.library), plan.library_bytes});
  if (is_padded()) cut_out(stream, storage_, frame_, args.samples, padded, args.grad_input);
}

}  // namespace

MadeKernel make_convolution(Libraries& libraries, std::span<const Op> ops, Storage storage) {
  return {std::make_unique<Convolution>(libraries, ops, storage), BiasAndActivation::ops(ops),
          "cudnn: convolution" + BiasAndActivation::name(ops)};
}

}  // namespace convoy::cuda
