#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/cuda/device_kernel.h"
#include "core/ops.h"

namespace convoy::cuda {

class Libraries;

/// A kernel for the leading ops of a list.
struct MadeKernel {
  std::unique_ptr<DeviceKernel> kernel;
  std::size_t ops = 1;  ///< how many it computes
  std::string name;     ///< "cudnn: convolution + relu"
};

/// Every kind of op has a kernel: one without does not compile. The libraries must outlive it.
MadeKernel make_kernel(Libraries& libraries, std::span<const Op> ops, Storage storage);

/// The element-wise activation that a convolution or dense layer before it takes along; null: the next op is
/// none.
const Activation* fusible_activation(std::span<const Op> ops);

// Of the libraries' ops, the leading one and a fusible_activation() behind it.
MadeKernel make_convolution(Libraries& libraries, std::span<const Op> ops, Storage storage);
MadeKernel make_dense(Libraries& libraries, std::span<const Op> ops, Storage storage);

// Of the others, one op alone.
std::unique_ptr<DeviceKernel> make_activation(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_pool2d(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_global_average_pool2d(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_zero_padding2d(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_dropout(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_batch_moments(const Op& op, Storage storage);
std::unique_ptr<DeviceKernel> make_normalize(const Op& op, Storage storage);

}  // namespace convoy::cuda
