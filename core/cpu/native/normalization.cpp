#include <cmath>
#include <cstring>

#include "core/cpu/native/kernels.h"

// x - mean is taken in float with the mean rounded to float, `center`; what the rounding took goes into the
// addend, so that a mean far from zero costs no accuracy.

namespace convoy::native {

namespace {

std::int64_t channels_of(const Op& op) { return op.input[op.input.rank() - 1]; }

/// `count` arrays of one float a channel in the workspace.
float* channel_array(const SliceArgs& args, std::int64_t channels, int i) {
  return static_cast<float*>(args.workspace) + i * channels;
}

class BatchMoments : public Kernel {
 public:
  BatchMoments(const Op& op, const simd::Table& loops)
      : channels_(channels_of(op)),
        rows_(op.input.elements() / channels_),
        epsilon_(std::get<BatchMomentsOp>(op.kind).epsilon),
        loops_(loops) {}

  std::size_t forward_record() const override { return static_cast<std::size_t>(1 + 2 * channels_); }
  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(4 * channels_) * sizeof(float);
  }

  void forward(const ForwardArgs& args) const override {
    const std::int64_t rows = args.samples * rows_;
    args.record[0] = static_cast<double>(rows);
    loops_.channel_moments(rows, channels_, static_cast<const float*>(args.input), args.record + 1,
                           args.record + 1 + channels_);
    if (args.output != args.input)
      std::memcpy(args.output, args.input, static_cast<std::size_t>(rows * channels_) * sizeof(float));
  }

  void backward(const BackwardArgs& args) const override {
    if (!args.grad_input) return;
    const double *mean = args.batch_values, *variance = mean + channels_, *a = variance + channels_,
                 *b = a + channels_;
    float* center = channel_array(args, channels_, 0);
    float* scale = channel_array(args, channels_, 1);
    float* shift = channel_array(args, channels_, 2);
    float* factor = channel_array(args, channels_, 3);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double inverse = 1 / std::sqrt(variance[c] + epsilon_);
      const double slope = -inverse * inverse * b[c];
      center[c] = static_cast<float>(mean[c]);
      scale[c] = static_cast<float>(slope);
      shift[c] = static_cast<float>((double{center[c]} - mean[c]) * slope - a[c] * inverse);
      factor[c] = static_cast<float>(inverse);
    }
    loops_.channel_combine(args.samples * rows_, channels_, static_cast<const float*>(args.input), center,
                           scale, shift, static_cast<const float*>(args.grad_output), factor,
                           static_cast<float*>(args.grad_input));
  }

 private:
  std::int64_t channels_;
  std::int64_t rows_;
  double epsilon_;
  const simd::Table& loops_;
};

/// With the ReLU that may follow.
class Normalize : public Kernel {
 public:
  Normalize(std::span<const Op> block, const simd::Table& loops)
      : op_(std::get<NormalizeOp>(block.front().kind)),
        relu_(block.size() > 1),
        channels_(channels_of(block.front())),
        rows_(block.front().input.elements() / channels_),
        loops_(loops) {}

  std::size_t backward_record() const override { return static_cast<std::size_t>(2 * channels_); }
  std::size_t workspace_bytes(std::int64_t) const override {
    return static_cast<std::size_t>(3 * channels_) * sizeof(float);
  }

  void forward(const ForwardArgs& args) const override {
    float* center = channel_array(args, channels_, 0);
    float* scale = channel_array(args, channels_, 1);
    float* shift = channel_array(args, channels_, 2);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double mean = args.batch_values[c];
      const double slope = gamma(args, c) * inverse(args, c);
      center[c] = static_cast<float>(mean);
      scale[c] = static_cast<float>(slope);
      shift[c] = static_cast<float>(beta(args, c) + (double{center[c]} - mean) * slope);
    }
    loops_.channel_scale(args.samples * rows_, channels_, static_cast<const float*>(args.input), center,
                         scale, shift, relu_, static_cast<float*>(args.output));
  }

  void backward(const BackwardArgs& args) const override {
    float* center = channel_array(args, channels_, 0);
    float* scale = channel_array(args, channels_, 1);
    for (std::int64_t c = 0; c < channels_; ++c) {
      center[c] = static_cast<float>(args.batch_values[c]);
      scale[c] = static_cast<float>(gamma(args, c));
    }
    double *sums = args.record, *products = args.record + channels_;
    loops_.channel_gradient({.rows = args.samples * rows_,
                             .channels = channels_,
                             .x = static_cast<const float*>(args.input),
                             .center = center,
                             .scale = scale,
                             .relu = relu_ ? static_cast<const float*>(args.output) : nullptr,
                             .dy = static_cast<const float*>(args.grad_output),
                             .sum = sums,
                             .product = products,
                             .dx = static_cast<float*>(args.grad_input)});
    for (std::int64_t c = 0; c < channels_; ++c) {
      products[c] = (products[c] + (double{center[c]} - args.batch_values[c]) * sums[c]) * inverse(args, c);
      if (op_.scale) gradient(args, 0)[c] = static_cast<float>(products[c]);
      if (op_.center) gradient(args, op_.scale)[c] = static_cast<float>(sums[c]);
      sums[c] *= gamma(args, c);
      products[c] *= gamma(args, c);
    }
  }

 private:
  double inverse(const SliceArgs& args, std::int64_t c) const {
    return 1 / std::sqrt(args.batch_values[channels_ + c] + op_.epsilon);
  }
  double gamma(const SliceArgs& args, std::int64_t c) const {
    return op_.scale ? double{static_cast<const float*>(args.parameters[0])[c]} : 1.0;
  }
  double beta(const SliceArgs& args, std::int64_t c) const {
    return op_.center ? double{static_cast<const float*>(args.parameters[op_.scale])[c]} : 0.0;
  }
  static float* gradient(const BackwardArgs& args, int i) {
    return static_cast<float*>(args.grad_parameters[i]);
  }

  NormalizeOp op_;
  bool relu_;
  std::int64_t channels_;
  std::int64_t rows_;
  const simd::Table& loops_;
};

}  // namespace

std::unique_ptr<Kernel> make_batch_moments(const Op& op, const simd::Table& loops) {
  return std::make_unique<BatchMoments>(op, loops);
}
std::size_t normalize_ops(std::span<const Op> ops) {
  if (!std::holds_alternative<NormalizeOp>(ops.front().kind)) return 0;
  return ops.size() > 1 && is_relu(ops[1]) ? 2 : 1;
}
std::unique_ptr<Kernel> make_normalize(std::span<const Op> block, const simd::Table& loops) {
  return std::make_unique<Normalize>(block, loops);
}

}  // namespace convoy::native
