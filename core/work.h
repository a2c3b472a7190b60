#pragma once

#include <span>

#include "core/ops.h"

namespace convoy {

/// What an operation takes if done plainly: two FLOPs a multiply-add, and every tensor that goes in or comes
/// out read or written once, as float32. Kernels that leave products out, or read a tensor again, take less
/// or more.
struct Work {
  double flops = 0;
  double bytes = 0;

  friend Work operator+(const Work& a, const Work& b) { return {a.flops + b.flops, a.bytes + b.bytes}; }
};

// Of consecutive ops computed as one block, for one sample of a call with `samples`, by which the bytes of
// the parameters are divided. Tensors between the ops are not counted.

Work forward_work(std::span<const Op> block, double samples);
/// `input_gradient`: whether that of the block's input is wanted, and not only those between its ops.
Work data_gradient_work(std::span<const Op> block, double samples, bool input_gradient);
/// Nothing for a block without parameters.
Work weight_gradient_work(std::span<const Op> block, double samples);

}  // namespace convoy
