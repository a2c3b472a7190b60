#include "layers/window.h"

#include <algorithm>

namespace convoy {

namespace {

struct Pads {
  std::int64_t before, after;
};

std::int64_t extent(std::int64_t size, std::int64_t dilation) { return (size - 1) * dilation + 1; }

Pads same_padding(std::int64_t input, std::int64_t size, std::int64_t stride, std::int64_t dilation) {
  const std::int64_t output = (input + stride - 1) / stride;
  const std::int64_t total =
      std::max((output - 1) * stride + extent(size, dilation) - input, std::int64_t{0});
  return {total / 2, total - total / 2};
}

void report_misfit(Lowering& to, const WindowSizes& sizes, const char* size_key) {
  const std::int64_t height = extent(sizes.size.height, sizes.dilation.height);
  const std::int64_t width = extent(sizes.size.width, sizes.dilation.width);
  to.report({size_key,
             "a window of {} x {} pixels{} does not fit into its input of {} x {}; use `padding: same`, a "
             "smaller {}, or "
             "less pooling before it",
             height, width, sizes.dilation == config::Size2d{1, 1} ? "" : " with its dilation", to.shape()[0],
             to.shape()[1], size_key});
}

}  // namespace

Window2d resolve_window(Lowering& to, const WindowSizes& sizes, const char* size_key) {
  const Shape& input = to.shape();
  Window2d window;
  window.height = sizes.size.height;
  window.width = sizes.size.width;
  window.stride_y = sizes.strides.height;
  window.stride_x = sizes.strides.width;
  window.dilation_y = sizes.dilation.height;
  window.dilation_x = sizes.dilation.width;
  const std::int64_t height = extent(window.height, window.dilation_y);
  const std::int64_t width = extent(window.width, window.dilation_x);
  const bool fits = height <= input[0] && width <= input[1];
  if (sizes.padding == Padding::valid && fits) return window;
  if (sizes.padding == Padding::valid) report_misfit(to, sizes, size_key);
  const Pads rows = same_padding(input[0], window.height, window.stride_y, window.dilation_y);
  const Pads columns = same_padding(input[1], window.width, window.stride_x, window.dilation_x);
  window.pad_top = rows.before;
  window.pad_bottom = rows.after;
  window.pad_left = columns.before;
  window.pad_right = columns.after;
  return window;
}

Shape output_of(const Window2d& w, const Shape& input, std::int64_t channels) {
  return {(input[0] + w.pad_top + w.pad_bottom - extent(w.height, w.dilation_y)) / w.stride_y + 1,
          (input[1] + w.pad_left + w.pad_right - extent(w.width, w.dilation_x)) / w.stride_x + 1, channels};
}

}  // namespace convoy
