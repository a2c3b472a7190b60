#include "core/cuda/kernels/pooling.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

/// Where a pooling's windows lie.
struct Geometry {
  Window2d window;
  std::int64_t height, width, channels;  ///< of the input
  std::int64_t rows, columns;            ///< of the output

  explicit Geometry(const Op& op)
      : window(std::get<Pool2dOp>(op.kind).window),
        height(op.input[0]),
        width(op.input[1]),
        channels(op.input[2]),
        rows(op.output[0]),
        columns(op.output[1]) {}

  /// Calls visit(offset of a pixel in the image) for the window's pixels that lie inside it, in row order.
  template <class Visit>
  CONVOY_DEVICE void each_in_window(std::int64_t row, std::int64_t column, Visit& visit) const {
    for (std::int64_t u = 0; u < window.height; ++u) {
      const std::int64_t y = row * window.stride_y + u * window.dilation_y - window.pad_top;
      if (y < 0 || y >= height) continue;
      for (std::int64_t v = 0; v < window.width; ++v) {
        const std::int64_t x = column * window.stride_x + v * window.dilation_x - window.pad_left;
        if (x >= 0 && x < width) visit((y * width + x) * channels);
      }
    }
  }
};

/// The place of the first of the largest values; a NaN counts as largest.
template <class T>
struct Largest {
  const T* image;
  std::int64_t place = -1;
  float value = 0;

  CONVOY_DEVICE void operator()(std::int64_t pixel) {
    const float candidate = static_cast<float>(image[pixel]);
    if (place >= 0 && !(candidate > value || (candidate != candidate && value == value))) return;
    place = pixel;
    value = candidate;
  }
};

template <class T>
struct Average {
  const T* image;
  double sum = 0;
  std::int64_t pixels = 0;

  CONVOY_DEVICE void operator()(std::int64_t pixel) {
    sum += static_cast<double>(static_cast<float>(image[pixel]));
    ++pixels;
  }
};

struct Count {
  std::int64_t pixels = 0;
  CONVOY_DEVICE void operator()(std::int64_t) { ++pixels; }
};

template <class T>
struct Pool {
  Geometry g;
  bool is_max;
  const T* x;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t channel = i % g.channels, column = i / g.channels % g.columns;
    const std::int64_t row = i / (g.channels * g.columns) % g.rows,
                       sample = i / (g.channels * g.columns * g.rows);
    const T* image = x + sample * g.height * g.width * g.channels + channel;
    if (is_max) {
      Largest<T> largest{image};
      g.each_in_window(row, column, largest);
      y[i] = image[largest.place];
    } else {
      Average<T> average{image};
      g.each_in_window(row, column, average);
      y[i] = T(static_cast<float>(average.sum / static_cast<double>(average.pixels)));
    }
  }
};

template <class T>
struct PoolGradient {
  Geometry g;
  bool is_max;
  const T* x;
  const T* dy;
  T* dx;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t channel = i % g.channels, column = i / g.channels % g.width;
    const std::int64_t row = i / (g.channels * g.width) % g.height,
                       sample = i / (g.channels * g.width * g.height);
    const std::int64_t pixel = (row * g.width + column) * g.channels;
    const T* image = x + sample * g.height * g.width * g.channels + channel;
    const T* gradient = dy + sample * g.rows * g.columns * g.channels + channel;
    float sum = 0;
    // A window holds this pixel by its tap u where row + pad - u * dilation is a multiple of the stride.
    for (std::int64_t u = g.window.height; u-- > 0;) {
      const std::int64_t y = row + g.window.pad_top - u * g.window.dilation_y;
      if (y < 0 || y % g.window.stride_y != 0 || y / g.window.stride_y >= g.rows) continue;
      for (std::int64_t v = g.window.width; v-- > 0;) {
        const std::int64_t left = column + g.window.pad_left - v * g.window.dilation_x;
        if (left < 0 || left % g.window.stride_x != 0 || left / g.window.stride_x >= g.columns) continue;
        sum += share(image, pixel, y / g.window.stride_y, left / g.window.stride_x, gradient);
      }
    }
    dx[i] = T(sum);
  }

  /// Of a window's gradient, what goes to the pixel.
  CONVOY_DEVICE float share(const T* image, std::int64_t pixel, std::int64_t row, std::int64_t column,
                            const T* gradient) const {
    const float value = static_cast<float>(gradient[(row * g.columns + column) * g.channels]);
    if (is_max) {
      Largest<T> largest{image};
      g.each_in_window(row, column, largest);
      return largest.place == pixel ? value : 0.0F;
    }
    Count count;
    g.each_in_window(row, column, count);
    return value / static_cast<float>(count.pixels);
  }
};

template <class T>
struct GlobalAverage {
  std::int64_t pixels, channels;
  const T* x;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const T* image = x + i / channels * pixels * channels + i % channels;
    double sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p)
      sum += static_cast<double>(static_cast<float>(image[p * channels]));
    y[i] = T(static_cast<float>(sum / static_cast<double>(pixels)));
  }
};

template <class T>
struct GlobalAverageGradient {
  std::int64_t pixels, channels;
  const T* dy;
  T* dx;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const float gradient = static_cast<float>(dy[i / (pixels * channels) * channels + i % channels]);
    dx[i] = T(gradient / static_cast<float>(pixels));
  }
};

template <class T>
struct SurroundWithZeros {
  Frame f;
  const T* x;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t channel = i % f.channels, column = i / f.channels % f.outer_width - f.left;
    const std::int64_t line = i / (f.channels * f.outer_width);
    const std::int64_t row = line % f.outer_height - f.top, sample = line / f.outer_height;
    const bool inside = row >= 0 && row < f.height && column >= 0 && column < f.width;
    y[i] = inside ? x[((sample * f.height + row) * f.width + column) * f.channels + channel] : T(0.0F);
  }
};

template <class T>
struct CutOut {
  Frame f;
  const T* y;
  T* x;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t channel = i % f.channels, column = i / f.channels % f.width + f.left;
    const std::int64_t line = i / (f.channels * f.width);
    const std::int64_t row = line % f.height + f.top, sample = line / f.height;
    x[i] = y[((sample * f.outer_height + row) * f.outer_width + column) * f.channels + channel];
  }
};

bool is_max(const Op& op) { return std::get<Pool2dOp>(op.kind).kind == Pool2dOp::Kind::max; }

}  // namespace

void pool2d(const Stream& stream, Storage storage, const Op& op, std::int64_t samples, const void* x,
            void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * op.output.elements(),
           Pool<T>{Geometry(op), is_max(op), static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void pool2d_gradient(const Stream& stream, Storage storage, const Op& op, std::int64_t samples, const void* x,
                     const void* dy, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * op.input.elements(),
           PoolGradient<T>{Geometry(op), is_max(op), static_cast<const T*>(x), static_cast<const T*>(dy),
                           static_cast<T*>(dx)});
  });
}

void global_average(const Stream& stream, Storage storage, std::int64_t samples, std::int64_t pixels,
                    std::int64_t channels, const void* x, void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * channels,
           GlobalAverage<T>{pixels, channels, static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void global_average_gradient(const Stream& stream, Storage storage, std::int64_t samples, std::int64_t pixels,
                             std::int64_t channels, const void* dy, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * pixels * channels,
           GlobalAverageGradient<T>{pixels, channels, static_cast<const T*>(dy), static_cast<T*>(dx)});
  });
}

void surround_with_zeros(const Stream& stream, Storage storage, const Frame& frame, std::int64_t samples,
                         const void* x, void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * frame.outer_height * frame.outer_width * frame.channels,
           SurroundWithZeros<T>{frame, static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void cut_out(const Stream& stream, Storage storage, const Frame& frame, std::int64_t samples, const void* y,
             void* x) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, samples * frame.height * frame.width * frame.channels,
           CutOut<T>{frame, static_cast<const T*>(y), static_cast<T*>(x)});
  });
}

}  // namespace convoy::cuda
