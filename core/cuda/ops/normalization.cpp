#include "core/cuda/kernels/normalization.h"

#include "core/cuda/make_kernel.h"
#include "core/cuda/memory.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

/// What both halves of batch normalisation know of their input, [samples, …, channels].
class ChannelKernel : public DeviceKernel {
 public:
  ChannelKernel(const Op& op, Storage storage)
      : channels_(op.input[op.input.rank() - 1]), rows_(op.input.elements() / channels_), storage_(storage) {}

  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(channels_) * sizeof(ChannelScale);
  }

 protected:
  std::int64_t rows(const DeviceSliceArgs& args) const { return args.samples * rows_; }
  static ChannelScale* scales(const DeviceSliceArgs& args) {
    return static_cast<ChannelScale*>(args.workspace);
  }

  std::int64_t channels_, rows_;
  Storage storage_;
};

class BatchMoments : public ChannelKernel {
 public:
  BatchMoments(const Op& op, Storage storage)
      : ChannelKernel(op, storage), epsilon_(std::get<BatchMomentsOp>(op.kind).epsilon) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    if (args.record) channel_moments(stream, storage_, rows(args), channels_, args.input, args.record);
    if (args.output != args.input)
      copy_on_device(stream, args.output, args.input,
                     static_cast<std::size_t>(rows(args) * channels_) * size_of(storage_));
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (!args.grad_input) return;
    channel_scales(stream, channels_, args.batch_values, true, epsilon_, nullptr, nullptr, scales(args));
    moments_gradient(stream, storage_, rows(args), channels_, args.input, scales(args), args.grad_output,
                     args.grad_input);
  }

 private:
  double epsilon_;
};

class Normalize : public ChannelKernel {
 public:
  Normalize(const Op& op, Storage storage)
      : ChannelKernel(op, storage), op_(std::get<NormalizeOp>(op.kind)) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    find_scales(stream, args);
    normalize(stream, storage_, rows(args), channels_, args.input, scales(args), args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    find_scales(stream, args);
    normalize_gradient(stream, storage_, rows(args), channels_, args.input, scales(args), args.grad_output,
                       args.record, op_.scale ? args.grad_parameters[0] : nullptr,
                       op_.center ? args.grad_parameters[op_.scale] : nullptr, args.grad_input);
  }

 private:
  void find_scales(const Stream& stream, const DeviceSliceArgs& args) const {
    channel_scales(stream, channels_, args.batch_values, false, op_.epsilon,
                   op_.scale ? args.parameters[0] : nullptr,
                   op_.center ? args.parameters[op_.scale] : nullptr, scales(args));
  }

  NormalizeOp op_;
};

}  // namespace

std::unique_ptr<DeviceKernel> make_batch_moments(const Op& op, Storage storage) {
  return std::make_unique<BatchMoments>(op, storage);
}
std::unique_ptr<DeviceKernel> make_normalize(const Op& op, Storage storage) {
  return std::make_unique<Normalize>(op, storage);
}

}  // namespace convoy::cuda
