#pragma once

#include <stdexcept>

#include "core/cuda/make_kernel.h"

namespace convoy::cuda::test {

/// Null for what the libraries compute.
inline std::unique_ptr<DeviceKernel> own_kernel(const Op& op, Storage storage) {
  if (std::holds_alternative<Pool2dOp>(op.kind)) return make_pool2d(op, storage);
  if (std::holds_alternative<GlobalAveragePool2dOp>(op.kind)) return make_global_average_pool2d(op, storage);
  if (std::holds_alternative<ActivationOp>(op.kind)) return make_activation(op, storage);
  if (std::holds_alternative<DropoutOp>(op.kind)) return make_dropout(op, storage);
  if (std::holds_alternative<BatchMomentsOp>(op.kind)) return make_batch_moments(op, storage);
  if (std::holds_alternative<NormalizeOp>(op.kind)) return make_normalize(op, storage);
  if (std::holds_alternative<ZeroPadding2dOp>(op.kind)) return make_zero_padding2d(op, storage);
  return nullptr;
}

/// For a DeviceNetwork without convolutions and dense layers.
inline MadeKernel made_of_own_kernels(std::span<const Op> ops, Storage storage) {
  MadeKernel made{own_kernel(ops.front(), storage), 1, std::string(name_of(ops.front().kind))};
  if (!made.kernel) throw std::logic_error("no kernel of our own for " + made.name);
  return made;
}

}  // namespace convoy::cuda::test
