#include "core/cuda/make_kernel.h"

#include <utility>

namespace convoy::cuda {

namespace {

struct Maker {
  Libraries& libraries;
  std::span<const Op> ops;
  Storage storage;

  MadeKernel own(std::unique_ptr<DeviceKernel> kernel) const {
    return {std::move(kernel), 1, "convoy: " + std::string(name_of(ops.front().kind))};
  }

  MadeKernel operator()(const Conv2dOp&) const { return make_convolution(libraries, ops, storage); }
  MadeKernel operator()(const DenseOp&) const { return make_dense(libraries, ops, storage); }
  MadeKernel operator()(const Pool2dOp&) const { return own(make_pool2d(ops.front(), storage)); }
  MadeKernel operator()(const GlobalAveragePool2dOp&) const {
    return own(make_global_average_pool2d(ops.front(), storage));
  }
  MadeKernel operator()(const ActivationOp&) const { return own(make_activation(ops.front(), storage)); }
  MadeKernel operator()(const DropoutOp&) const { return own(make_dropout(ops.front(), storage)); }
  MadeKernel operator()(const BatchMomentsOp&) const { return own(make_batch_moments(ops.front(), storage)); }
  MadeKernel operator()(const NormalizeOp&) const { return own(make_normalize(ops.front(), storage)); }
  MadeKernel operator()(const ZeroPadding2dOp&) const {
    return own(make_zero_padding2d(ops.front(), storage));
  }
};

}  // namespace

MadeKernel make_kernel(Libraries& libraries, std::span<const Op> ops, Storage storage) {
  return std::visit(Maker{libraries, ops, storage}, ops.front().kind);
}

const Activation* fusible_activation(std::span<const Op> ops) {
  if (ops.size() < 2) return nullptr;
  const auto* next = std::get_if<ActivationOp>(&ops[1].kind);
  return next && next->activation.kind != ActivationKind::softmax ? &next->activation : nullptr;
}

}  // namespace convoy::cuda
