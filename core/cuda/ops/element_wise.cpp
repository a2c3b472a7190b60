#include "core/cuda/kernels/activation.h"
#include "core/cuda/kernels/dropout.h"
#include "core/cuda/make_kernel.h"
#include "core/cuda/memory.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

class ElementWise : public DeviceKernel {
 public:
  ElementWise(const Op& op, Storage storage)
      : activation_(std::get<ActivationOp>(op.kind).activation),
        size_(op.input.elements()),
        storage_(storage) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    activate(stream, storage_, activation_, args.samples, size_, args.input, nullptr, nullptr, args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input)
      activation_gradient(stream, storage_, activation_, args.samples * size_, args.input, args.output,
                          args.grad_output, args.grad_input);
  }

 private:
  Activation activation_;
  std::int64_t size_;
  Storage storage_;
};

class Softmax : public DeviceKernel {
 public:
  Softmax(const Op& op, Storage storage)
      : width_(op.input[op.input.rank() - 1]), rows_(op.input.elements() / width_), storage_(storage) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    softmax(stream, storage_, args.samples * rows_, width_, args.input, args.output);
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input)
      softmax_gradient(stream, storage_, args.samples * rows_, width_, args.output, args.grad_output,
                       args.grad_input);
  }

 private:
  std::int64_t width_, rows_;
  Storage storage_;
};

class Dropout : public DeviceKernel {
 public:
  Dropout(const Op& op, Storage storage) : op_(op), storage_(storage) {}

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    if (args.training)
      drop(stream, args, args.input, args.output);
    else
      copy_on_device(stream, args.output, args.input,
                     static_cast<std::size_t>(args.samples * op_.input.elements()) * size_of(storage_));
  }
  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    if (args.grad_input) drop(stream, args, args.grad_output, args.grad_input);
  }

 private:
  void drop(const Stream& stream, const DeviceSliceArgs& args, const void* from, void* to) const {
    drop_out(stream, storage_, op_, args.samples, args.step, args.first_position, from, to);
  }

  Op op_;
  Storage storage_;
};

}  // namespace

std::unique_ptr<DeviceKernel> make_activation(const Op& op, Storage storage) {
  if (std::get<ActivationOp>(op.kind).activation.kind == ActivationKind::softmax)
    return std::make_unique<Softmax>(op, storage);
  return std::make_unique<ElementWise>(op, storage);
}

std::unique_ptr<DeviceKernel> make_dropout(const Op& op, Storage storage) {
  return std::make_unique<Dropout>(op, storage);
}

}  // namespace convoy::cuda
