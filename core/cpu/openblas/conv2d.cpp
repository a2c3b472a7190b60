#include <algorithm>

#include "core/arena.h"
#include "core/cpu/openblas/gemm.h"
#include "core/cpu/openblas/kernels.h"

namespace convoy::openblas {

namespace {

/// The columns of a tile stay in the second-level cache while the product reads them.
constexpr std::int64_t kTileBytes = 256 * 1024;

/// The window's values of some output pixels become the rows of a matrix, [pixels, window * group's
/// channels], which is multiplied with the kernel as [window * group's channels, group's filters]. A tile
/// covers pixels of one sample, and their number follows from the op alone, so that no sample's bits depend
/// on its neighbours.
template <class T>
class Conv2d : public Kernel {
 public:
  explicit Conv2d(const Op& op)
      : op_(op),
        conv_(std::get<Conv2dOp>(op.kind)),
        channels_(op.input[2] / conv_.groups),
        filters_(op.output[2] / conv_.groups),
        inner_(conv_.window.height * conv_.window.width * channels_),
        pixels_(op.output[0] * op.output[1]) {
    const std::int64_t row = inner_ * static_cast<std::int64_t>(sizeof(T));
    tile_ = std::clamp(kTileBytes / row / 16 * 16, std::int64_t{16}, std::max(pixels_, std::int64_t{16}));
  }

  std::size_t workspace_bytes(std::int64_t) const override {
    return align_up(static_cast<std::size_t>(tile_ * inner_) * sizeof(T)) +
           static_cast<std::size_t>(op_.output[2]) * sizeof(double);
  }

  void forward(const ForwardArgs& args) const override {
    const T* bias = conv_.use_bias ? static_cast<const T*>(args.parameters[1]) : nullptr;
    T* y = static_cast<T*>(args.output);
    for (std::int64_t p = 0; bias && p < args.samples * pixels_; ++p)
      std::copy_n(bias, op_.output[2], y + p * op_.output[2]);
    each_tile(args.samples, [&](const Tile& tile) {
      T* columns = static_cast<T*>(args.workspace);
      gather(tile, static_cast<const T*>(args.input), columns);
      gemm<T>(tile.rows, inner_, filters_, {columns, inner_}, kernel_of(args.parameters[0], tile.group),
              bias ? T{1} : T{0}, {y + output_place(tile), op_.output[2]});
    });
  }

  void backward(const BackwardArgs& args) const override {
    const T* dy = static_cast<const T*>(args.grad_output);
    T* columns = static_cast<T*>(args.workspace);
    T* dkernel = static_cast<T*>(args.grad_parameters[0]);
    each_tile(args.samples, [&](const Tile& tile) {
      gather(tile, static_cast<const T*>(args.input), columns);
      gemm<T>(inner_, tile.rows, filters_, {columns, inner_, true}, {dy + output_place(tile), op_.output[2]},
              tile.first_of_group ? T{0} : T{1}, {dkernel + tile.group * filters_, op_.output[2]});
    });
    if (conv_.use_bias) {
      auto* scratch = static_cast<std::byte*>(args.workspace) +
                      align_up(static_cast<std::size_t>(tile_ * inner_) * sizeof(T));
      column_sums(args.samples * pixels_, op_.output[2], dy, reinterpret_cast<double*>(scratch),
                  static_cast<T*>(args.grad_parameters[1]));
    }
    T* dx = static_cast<T*>(args.grad_input);
    if (!dx) return;
    std::fill_n(dx, args.samples * op_.input.elements(), T{0});
    each_tile(args.samples, [&](const Tile& tile) {
      Matrix<const T> transposed = kernel_of(args.parameters[0], tile.group);
      transposed.transposed = true;
      gemm<T>(tile.rows, filters_, inner_, {dy + output_place(tile), op_.output[2]}, transposed, T{0},
              {columns, inner_});
      scatter(tile, columns, dx);
    });
  }

 private:
  /// Output pixels [first, first + rows) of one sample, and one group of filters.
  struct Tile {
    std::int64_t sample, group, first, rows;
    bool first_of_group;
  };

  template <class Visit>
  void each_tile(std::int64_t samples, const Visit& visit) const {
    for (std::int64_t group = 0; group < conv_.groups; ++group)
      for (std::int64_t sample = 0; sample < samples; ++sample)
        for (std::int64_t first = 0; first < pixels_; first += tile_)
          visit(Tile{sample, group, first, std::min(tile_, pixels_ - first), sample == 0 && first == 0});
  }

  std::int64_t output_place(const Tile& tile) const {
    return (tile.sample * pixels_ + tile.first) * op_.output[2] + tile.group * filters_;
  }
  Matrix<const T> kernel_of(const void* kernel, std::int64_t group) const {
    return {static_cast<const T*>(kernel) + group * filters_, op_.output[2], false};
  }

  /// Calls visit(place in the columns, place in the image or -1) for each run of channels_ values, in the
  /// columns' order.
  template <class Visit>
  void each_run(const Tile& tile, const Visit& visit) const {
    const Window2d& w = conv_.window;
    std::int64_t column = 0;
    for (std::int64_t p = tile.first; p < tile.first + tile.rows; ++p) {
      const std::int64_t top = p / op_.output[1] * w.stride_y - w.pad_top;
      const std::int64_t left = p % op_.output[1] * w.stride_x - w.pad_left;
      for (std::int64_t u = 0; u < w.height; ++u)
        for (std::int64_t v = 0; v < w.width; ++v, column += channels_) {
          const std::int64_t y = top + u * w.dilation_y, x = left + v * w.dilation_x;
          const bool inside = y >= 0 && y < op_.input[0] && x >= 0 && x < op_.input[1];
          const std::int64_t pixel = (tile.sample * op_.input[0] + y) * op_.input[1] + x;
          visit(column, inside ? pixel * op_.input[2] + tile.group * channels_ : -1);
        }
    }
  }
  void gather(const Tile& tile, const T* x, T* columns) const {
    each_run(tile, [&](std::int64_t column, std::int64_t place) {
      if (place < 0)
        std::fill_n(columns + column, channels_, T{0});
      else
        std::copy_n(x + place, channels_, columns + column);
    });
  }
  void scatter(const Tile& tile, const T* columns, T* dx) const {
    each_run(tile, [&](std::int64_t column, std::int64_t place) {
      for (std::int64_t c = 0; place >= 0 && c < channels_; ++c) dx[place + c] += columns[column + c];
    });
  }

  Op op_;
  Conv2dOp conv_;
  std::int64_t channels_;  ///< of a group
  std::int64_t filters_;   ///< of a group
  std::int64_t inner_;
  std::int64_t pixels_;  ///< of a sample's output
  std::int64_t tile_;
};

}  // namespace

template <class T>
std::unique_ptr<Kernel> make_conv2d(const Op& op) {
  return std::make_unique<Conv2d<T>>(op);
}
template std::unique_ptr<Kernel> make_conv2d<float>(const Op&);
template std::unique_ptr<Kernel> make_conv2d<double>(const Op&);

}  // namespace convoy::openblas
