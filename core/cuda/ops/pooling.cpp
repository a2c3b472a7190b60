#include "core/cuda/kernels/pooling.h"

#include "core/cuda/make_kernel.h"

namespace convoy::cuda {

namespace {

class Pool2d : public DeviceKernel {
 public:
  Pool2d(const Op& op, Storage storage) : op_(op), storage_(storage) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    pool2d(stream, storage_, op_, args.samples, args.input, args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input)
      pool2d_gradient(stream, storage_, op_, args.samples, args.input, args.grad_output, args.grad_input);
  }

 private:
  Op op_;
  Storage storage_;
};

class GlobalAveragePool2d : public DeviceKernel {
 public:
  GlobalAveragePool2d(const Op& op, Storage storage)
      : pixels_(op.input[0] * op.input[1]), channels_(op.input[2]), storage_(storage) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    global_average(stream, storage_, args.samples, pixels_, channels_, args.input, args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input)
      global_average_gradient(stream, storage_, args.samples, pixels_, channels_, args.grad_output,
                              args.grad_input);
  }

 private:
  std::int64_t pixels_, channels_;
  Storage storage_;
};

class ZeroPadding2d : public DeviceKernel {
 public:
  ZeroPadding2d(const Op& op, Storage storage) : storage_(storage) {
    const auto& padding = std::get<ZeroPadding2dOp>(op.kind);
    frame_ = {op.input[0], op.input[1], op.input[2], padding.top, padding.left, op.output[0], op.output[1]};
  }

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    surround_with_zeros(stream, storage_, frame_, args.samples, args.input, args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input) cut_out(stream, storage_, frame_, args.samples, args.grad_output, args.grad_input);
  }

 private:
  Frame frame_;
  Storage storage_;
};

}  // namespace

std::unique_ptr<DeviceKernel> make_pool2d(const Op& op, Storage storage) {
  return std::make_unique<Pool2d>(op, storage);
}
std::unique_ptr<DeviceKernel> make_global_average_pool2d(const Op& op, Storage storage) {
  return std::make_unique<GlobalAveragePool2d>(op, storage);
}
std::unique_ptr<DeviceKernel> make_zero_padding2d(const Op& op, Storage storage) {
  return std::make_unique<ZeroPadding2d>(op, storage);
}

}  // namespace convoy::cuda
