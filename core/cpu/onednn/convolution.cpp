#include "core/cpu/onednn/convolution.h"

#include <algorithm>
#include <map>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/error.h"

namespace convoy::onednn {

namespace {

using dnnl::memory;
using Dims = memory::dims;

/// oneDNN would start threads of its own in every worker; the setting belongs to the thread that calls it.
void stay_single_threaded() {
  thread_local bool done = false;
  if (!std::exchange(done, true)) omp_set_num_threads(1);
}

/// oneDNN reports failures as exceptions that say little: name the layer.
template <class Work>
auto named(const std::string& layer, const Work& work) {
  stay_single_threaded();
  try {
    return work();
  } catch (const dnnl::error& error) {
    throw DeviceError("oneDNN failed in layer '{}': {}; `train.kernels: {{{}: openblas}}` avoids it", layer,
                      error.what(), layer);
  }
}

/// Everything that depends on the number of samples.
struct Plan {
  dnnl::convolution_forward::primitive_desc forward_desc;
  dnnl::convolution_backward_data::primitive_desc data_desc;
  dnnl::convolution_backward_weights::primitive_desc weights_desc;
  dnnl::primitive forward, data, weights;
  dnnl::reorder gradient_to_hwio;
  std::size_t forward_weights = 0, data_weights = 0;  ///< which of the packed copies they read
};

/// The kernel in a layout of oneDNN's choice.
struct Packed {
  memory::desc layout;
  bool training_only;
  Arena storage;
  dnnl::reorder reorder;
};

class Convolution : public Kernel {
 public:
  Convolution(const Op& op, bool relu, const simd::Table& loops)
      : op_(op),
        conv_(std::get<Conv2dOp>(op.kind)),
        relu_(relu),
        loops_(loops),
        engine_(dnnl::engine::kind::cpu, 0) {
    const std::int64_t in = op.input[2] / conv_.groups, out = op.output[2] / conv_.groups;
    const std::int64_t filters = op.output[2], width = conv_.window.width;
    // [groups, out, in, height, width] of a kernel that is stored as [height, width, in, groups * out].
    kernel_dims_ = {conv_.groups, out, in, conv_.window.height, width};
    hwio_ = memory::desc(kernel_dims_, memory::data_type::f32,
                         Dims{out, 1, filters, width * in * filters, in * filters});
    bias_ = memory::desc({filters}, memory::data_type::f32, memory::format_tag::a);
  }

  void plan(std::int64_t samples) override {
    if (!plans_.contains(samples))
      named(op_.layer_name, [&] { plans_.emplace(samples, make_plan(samples)); });
  }

  void prepare(const void* const* parameters, bool training) override {
    named(op_.layer_name, [&] {
      for (const Packed& packed : packed_)
        if (training || !packed.training_only)
          run(packed.reorder, {{DNNL_ARG_FROM, view(hwio_, parameters[0])},
                               {DNNL_ARG_TO, view(packed.layout, packed.storage.data())}});
    });
  }

  std::size_t workspace_bytes(std::int64_t samples) const override {
    const Plan& plan = plans_.at(samples);
    const std::size_t scratchpad =
        std::max({plan.forward_desc.scratchpad_desc().get_size(), plan.data_desc.scratchpad_desc().get_size(),
                  plan.weights_desc.scratchpad_desc().get_size()});
    return align_up(scratchpad) + align_up(plan.weights_desc.diff_weights_desc().get_size());
  }

  std::size_t packed_bytes() const override {
    std::size_t bytes = 0;
    for (const Packed& packed : packed_) bytes += packed.storage.size();
    return bytes;
  }

  void forward(const ForwardArgs& args) const override {
    const Plan& plan = plans_.at(args.samples);
    named(op_.layer_name, [&] {
      std::unordered_map<int, memory> views{
          {DNNL_ARG_SRC, view(plan.forward_desc.src_desc(), args.input)},
          {DNNL_ARG_WEIGHTS, packed_view(plan.forward_weights)},
          {DNNL_ARG_DST, view(plan.forward_desc.dst_desc(), args.output)},
          {DNNL_ARG_SCRATCHPAD, view(plan.forward_desc.scratchpad_desc(), args.workspace)}};
      if (conv_.use_bias) views.emplace(DNNL_ARG_BIAS, view(bias_, args.parameters[1]));
      run(plan.forward, views);
    });
    // Not as a part of oneDNN's primitive: that would turn a NaN into zero.
    auto* y = static_cast<float*>(args.output);
    if (relu_) loops_.activation_forward(simd::Curve::relu, 0, count(args), y, y);
  }

  void backward(const BackwardArgs& args) const override {
    const Plan& plan = plans_.at(args.samples);
    auto* dy = static_cast<float*>(args.grad_output);
    if (relu_)
      loops_.activation_backward(simd::Curve::relu, 0, count(args), nullptr,
                                 static_cast<const float*>(args.output), dy, dy);
    named(op_.layer_name, [&] {
      backward_weights(args, plan);
      if (!args.grad_input) return;
      run(plan.data, {{DNNL_ARG_DIFF_DST, view(plan.data_desc.diff_dst_desc(), args.grad_output)},
                      {DNNL_ARG_WEIGHTS, packed_view(plan.data_weights)},
                      {DNNL_ARG_DIFF_SRC, view(plan.data_desc.diff_src_desc(), args.grad_input)},
                      {DNNL_ARG_SCRATCHPAD, view(plan.data_desc.scratchpad_desc(), args.workspace)}});
    });
  }

 private:
  std::size_t count(const SliceArgs& args) const {
    return static_cast<std::size_t>(args.samples * op_.output.elements());
  }
  memory view(const memory::desc& layout, const void* data) const {
    return memory(layout, engine_, const_cast<void*>(data));
  }
  memory packed_view(std::size_t i) const { return view(packed_[i].layout, packed_[i].storage.data()); }

  void run(const dnnl::primitive& primitive, const std::unordered_map<int, memory>& views) const {
    dnnl::stream stream(engine_);
    primitive.execute(stream, views);
    stream.wait();
  }

  void backward_weights(const BackwardArgs& args, const Plan& plan) const {
    std::byte* gradient = static_cast<std::byte*>(args.workspace);
    std::byte* scratchpad = gradient + align_up(plan.weights_desc.diff_weights_desc().get_size());
    const memory packed = view(plan.weights_desc.diff_weights_desc(), gradient);
    std::unordered_map<int, memory> views{
        {DNNL_ARG_SRC, view(plan.weights_desc.src_desc(), args.input)},
        {DNNL_ARG_DIFF_DST, view(plan.weights_desc.diff_dst_desc(), args.grad_output)},
        {DNNL_ARG_DIFF_WEIGHTS, packed},
        {DNNL_ARG_SCRATCHPAD, view(plan.weights_desc.scratchpad_desc(), scratchpad)}};
    if (conv_.use_bias) views.emplace(DNNL_ARG_DIFF_BIAS, view(bias_, args.grad_parameters[1]));
    run(plan.weights, views);
    run(plan.gradient_to_hwio,
        {{DNNL_ARG_FROM, packed}, {DNNL_ARG_TO, view(hwio_, args.grad_parameters[0])}});
  }

  /// The packed copy of that layout, made if it is the first.
  std::size_t packed_as(const memory::desc& layout, bool training_only) {
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      if (packed_[i].layout != layout) continue;
      packed_[i].training_only = packed_[i].training_only && training_only;
      return i;
    }
    const dnnl::reorder reorder(dnnl::reorder::primitive_desc(engine_, hwio_, engine_, layout));
    packed_.push_back({layout, training_only, Arena(layout.get_size()), reorder});
    return packed_.size() - 1;
  }

  Plan make_plan(std::int64_t samples);

  Op op_;
  Conv2dOp conv_;
  bool relu_;
  const simd::Table& loops_;
  dnnl::engine engine_;
  Dims kernel_dims_;
  memory::desc hwio_, bias_;
  std::map<std::int64_t, Plan> plans_;
  std::vector<Packed> packed_;
};

Plan Convolution::make_plan(std::int64_t samples) {
  const Window2d& w = conv_.window;
  const auto image = [&](const Shape& shape) {
    return memory::desc({samples, shape[2], shape[0], shape[1]}, memory::data_type::f32,
                        memory::format_tag::nhwc);
  };
  const memory::desc input = image(op_.input), output = image(op_.output);
  const memory::desc kernel(kernel_dims_, memory::data_type::f32, memory::format_tag::any);
  const memory::desc bias = conv_.use_bias ? bias_ : memory::desc();
  const Dims strides{w.stride_y, w.stride_x}, dilates{w.dilation_y - 1, w.dilation_x - 1};
  const Dims before{w.pad_top, w.pad_left}, after{w.pad_bottom, w.pad_right};
  const auto algorithm = dnnl::algorithm::convolution_direct;

  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);

  Plan plan;
  using dnnl::convolution_backward_data;
  using dnnl::convolution_backward_weights;
  using dnnl::convolution_forward;
  plan.forward_desc = convolution_forward::primitive_desc(
      convolution_forward::desc(dnnl::prop_kind::forward_training, algorithm, input, kernel, bias, output,
                                strides, dilates, before, after),
      attributes, engine_);
  plan.data_desc = convolution_backward_data::primitive_desc(
      convolution_backward_data::desc(algorithm, input, kernel, output, strides, dilates, before, after),
      attributes, engine_, plan.forward_desc);
  plan.weights_desc = convolution_backward_weights::primitive_desc(
      convolution_backward_weights::desc(algorithm, input, kernel, bias, output, strides, dilates, before,
                                         after),
      attributes, engine_, plan.forward_desc);
  plan.forward = convolution_forward(plan.forward_desc);
  plan.data = convolution_backward_data(plan.data_desc);
  plan.weights = convolution_backward_weights(plan.weights_desc);
  plan.gradient_to_hwio = dnnl::reorder(
      dnnl::reorder::primitive_desc(engine_, plan.weights_desc.diff_weights_desc(), engine_, hwio_));
  plan.forward_weights = packed_as(plan.forward_desc.weights_desc(), false);
  plan.data_weights = packed_as(plan.data_desc.weights_desc(), true);
  return plan;
}

}  // namespace

std::unique_ptr<Kernel> make_convolution(const Op& op, bool relu, const simd::Table& loops) {
  return named(op.layer_name, [&] { return std::make_unique<Convolution>(op, relu, loops); });
}

}  // namespace convoy::onednn
