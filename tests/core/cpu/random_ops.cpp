#include "tests/core/cpu/random_ops.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/random.h"

namespace convoy::test {

namespace {

/// A sequence of small random integers.
class Dice {
 public:
  explicit Dice(std::uint32_t draw) : stream_(11, RandomPurpose::test, draw) {}
  /// Uniform in {low, …, high}.
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    const auto words = stream_(0, 0, next_++);
    return low + uniform_below(words[0], static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  RandomStream stream_;
  std::uint32_t next_ = 0;
};

std::int64_t outputs(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                     std::int64_t padding) {
  return (in + padding - (kernel - 1) * dilation - 1) / stride + 1;
}

Shape output_shape(const Shape& input, const Window2d& w, std::int64_t channels) {
  return {outputs(input[0], w.height, w.stride_y, w.dilation_y, w.pad_top + w.pad_bottom),
          outputs(input[1], w.width, w.stride_x, w.dilation_x, w.pad_left + w.pad_right), channels};
}

Op make_op(OpKind kind, const Shape& input, const Shape& output) {
  Op op;
  op.kind = std::move(kind);
  op.input = input;
  op.output = output;
  op.layer = 3;
  op.layer_name = "layer";
  return op;
}

void add_parameter(Op& op, const Shape& shape) {
  const std::int64_t offset =
      op.parameters.empty() ? 0 : op.parameters.back().offset + op.parameters.back().shape.elements();
  op.parameters.push_back({offset, shape});
}

/// Pads one axis so that at least one position fits, sometimes as TensorFlow does, sometimes anyhow.
void pad(Dice& dice, std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
         std::int64_t most, std::int64_t& before, std::int64_t& after) {
  const std::int64_t reach = (kernel - 1) * dilation + 1;
  if (dice(0, 1) == 0) {
    before = dice(0, std::min(most, reach - 1));
    after = dice(0, std::min(most, reach - 1));
  } else {
    const std::int64_t total =
        std::max<std::int64_t>(((in + stride - 1) / stride - 1) * stride + reach - in, 0);
    before = total / 2;
    after = total - before;
  }
  if (in + before + after < reach) after = reach - in - before;
}

Window2d draw_window(Dice& dice, const Shape& input, bool dilate) {
  Window2d w;
  w.height = dice(1, 4);
  w.width = dice(1, 4);
  w.stride_y = dice(1, 3);
  w.stride_x = dice(1, 3);
  if (dilate && dice(0, 2) == 0) {
    w.dilation_y = dice(1, 3);
    w.dilation_x = dice(1, 3);
  }
  pad(dice, input[0], w.height, w.stride_y, w.dilation_y, 3, w.pad_top, w.pad_bottom);
  pad(dice, input[1], w.width, w.stride_x, w.dilation_x, 3, w.pad_left, w.pad_right);
  return w;
}

Op draw_conv2d(Dice& dice) {
  Conv2dOp conv;
  conv.groups = dice(0, 1) == 0 ? 1 : dice(1, 5);
  const bool depthwise = dice(0, 5) == 0;
  const std::int64_t channels = depthwise ? conv.groups : conv.groups * dice(1, 6);
  const Shape input{dice(1, 11), dice(1, 11), channels};
  conv.window = draw_window(dice, input, true);
  conv.use_bias = dice(0, 3) != 0;
  return conv2d_op(input, conv.groups * dice(1, 18), conv);
}

Op draw_pool2d(Dice& dice, const Shape& input, Pool2dOp::Kind kind) {
  Pool2dOp pool;
  pool.kind = kind;
  if (dice(0, 2) == 0) {
    pool.window.height = pool.window.width = pool.window.stride_y = pool.window.stride_x = 2;
    pool.window.pad_bottom = input[0] % 2;
    pool.window.pad_right = input[1] % 2;
  } else {
    // Keras never pads a pooling window by more than it needs, so each window holds a pixel.
    pool.window = draw_window(dice, input, false);
    pool.window.pad_top = pool.window.pad_left = pool.window.pad_bottom = pool.window.pad_right = 0;
    if (input[0] < pool.window.height || input[1] < pool.window.width || dice(0, 1) == 0)
      pool.window = same_window(input, pool.window);
  }
  return pool2d_op(input, pool);
}

Shape draw_image(Dice& dice) { return {dice(1, 11), dice(1, 11), dice(1, 40)}; }

Shape draw_shape(Dice& dice) {
  if (dice(0, 1) == 0) return {dice(1, 70)};
  return {dice(1, 6), dice(1, 6), dice(1, 40)};
}

}  // namespace

Op conv2d_op(const Shape& input, std::int64_t filters, const Conv2dOp& conv) {
  Op op = make_op(conv, input, output_shape(input, conv.window, filters));
  add_parameter(op, {conv.window.height, conv.window.width, input[2] / conv.groups, filters});
  if (conv.use_bias) add_parameter(op, {filters});
  return op;
}

Op pool2d_op(const Shape& input, const Pool2dOp& pool) {
  return make_op(pool, input, output_shape(input, pool.window, input[2]));
}

Op dense_op(const Shape& input, std::int64_t units, bool use_bias) {
  Op op = make_op(DenseOp{use_bias}, input, {units});
  add_parameter(op, {input.elements(), units});
  if (use_bias) add_parameter(op, {units});
  return op;
}

Op activation_op(const Shape& input, const Activation& activation) {
  return make_op(ActivationOp{activation}, input, input);
}

Op relu_op(const Shape& input) { return activation_op(input, {.kind = ActivationKind::relu}); }

Window2d same_window(const Shape& input, Window2d w) {
  const auto total = [](std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
    return std::max<std::int64_t>(
        ((in + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - in, 0);
  };
  const std::int64_t y = total(input[0], w.height, w.stride_y, w.dilation_y);
  const std::int64_t x = total(input[1], w.width, w.stride_x, w.dilation_x);
  w.pad_top = y / 2;
  w.pad_bottom = y - y / 2;
  w.pad_left = x / 2;
  w.pad_right = x - x / 2;
  return w;
}

Op draw_conv2d(std::uint32_t draw) {
  Dice dice(draw);
  return draw_conv2d(dice);
}

Op draw_pool2d(std::uint32_t draw, const Shape& input, Pool2dOp::Kind kind) {
  Dice dice(draw);
  return draw_pool2d(dice, input, kind);
}

std::vector<Op> draw_ops(std::uint32_t draw) {
  Dice dice(draw);
  std::vector<Op> ops{draw_conv2d(dice)};
  for (const auto kind : {Pool2dOp::Kind::max, Pool2dOp::Kind::average})
    ops.push_back(draw_pool2d(dice, draw_image(dice), kind));
  const Shape image{dice(1, 7), dice(1, 7), dice(1, 40)};
  ops.push_back(make_op(GlobalAveragePool2dOp{}, image, {image[2]}));
  ops.push_back(dense_op(draw_shape(dice), dice(1, 70), dice(0, 3) != 0));
  for (const ActivationKind kind :
       {ActivationKind::linear, ActivationKind::relu, ActivationKind::leaky_relu, ActivationKind::gelu,
        ActivationKind::tanh, ActivationKind::sigmoid, ActivationKind::softmax})
    ops.push_back(activation_op(draw_shape(dice),
                                {.kind = kind, .negative_slope = 0.25, .approximate = dice(0, 1) == 1}));
  Shape shape = draw_shape(dice);
  ops.push_back(make_op(DropoutOp{0.25 * static_cast<double>(dice(0, 3))}, shape, shape));
  shape = draw_shape(dice);
  ops.push_back(make_op(BatchMomentsOp{}, shape, shape));
  shape = draw_shape(dice);
  NormalizeOp normalize;
  normalize.scale = dice(0, 2) != 0;
  normalize.center = dice(0, 2) != 0;
  ops.push_back(make_op(normalize, shape, shape));
  for (int i = normalize.scale + normalize.center; i > 0; --i)
    add_parameter(ops.back(), {shape[shape.rank() - 1]});
  const ZeroPadding2dOp padding{dice(0, 3), dice(0, 3), dice(0, 3), dice(0, 3)};
  ops.push_back(
      make_op(padding, image,
              {image[0] + padding.top + padding.bottom, image[1] + padding.left + padding.right, image[2]}));
  return ops;
}

std::string describe(const Op& op) {
  std::string text =
      fmt::format("{} {} -> {}", name_of(op.kind), op.input.to_string(), op.output.to_string());
  const auto add_window = [&](const Window2d& w) {
    text += fmt::format(", window {}x{}, strides {}x{}, dilation {}x{}, padding {} {} {} {}", w.height,
                        w.width, w.stride_y, w.stride_x, w.dilation_y, w.dilation_x, w.pad_top, w.pad_bottom,
                        w.pad_left, w.pad_right);
  };
  if (const auto* conv = std::get_if<Conv2dOp>(&op.kind)) {
    add_window(conv->window);
    text += fmt::format(", groups {}, bias {}", conv->groups, conv->use_bias);
  }
  if (const auto* pool = std::get_if<Pool2dOp>(&op.kind)) {
    add_window(pool->window);
    text += pool->kind == Pool2dOp::Kind::max ? ", max" : ", average";
  }
  if (const auto* activation = std::get_if<ActivationOp>(&op.kind))
    text += fmt::format(", kind {}", static_cast<int>(activation->activation.kind));
  return text;
}

}  // namespace convoy::test
