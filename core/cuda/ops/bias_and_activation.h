#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/cuda/device_kernel.h"

namespace convoy::cuda {

/// What follows the products of a convolution or dense layer: its bias, and the element-wise activation that
/// it takes along.
class BiasAndActivation {
 public:
  /// `ops`: the layer's op, and those behind it.
  BiasAndActivation(std::span<const Op> ops, bool use_bias, Storage storage);

  /// How many ops are taken along with the layer's own, and it; and " + relu", for people.
  static std::size_t ops(std::span<const Op> ops);
  static std::string name(std::span<const Op> ops);

  /// Where the activation's slope does not follow from the output, its input is saved.
  std::size_t saved_bytes(std::int64_t samples) const;
  /// For backward() to add up the bias gradient in.
  std::size_t partial_bytes(std::int64_t samples) const;

  /// Turns the products that lie in args.output into the output.
  void forward(const Stream& stream, const DeviceForwardArgs& args) const;
  /// Turns args.grad_output, in place, into the gradient of the products, and forms that of the bias.
  void backward(const Stream& stream, const DeviceBackwardArgs& args, void* partial) const;

 private:
  std::int64_t rows(std::int64_t samples) const { return samples * pixels_; }
  bool keeps_sum() const;

  Storage storage_;
  std::int64_t channels_, pixels_;
  bool use_bias_;
  std::optional<Activation> activation_;  ///< none: linear
};

}  // namespace convoy::cuda
