#include "core/cuda/kernels/activation.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"
#include "core/math.h"

namespace convoy::cuda {

namespace {

constexpr float kSqrtHalf = 0x1.6a09e6p-1F;   // sqrt(1 / 2)
constexpr float kDensity = 0x1.988454p-2F;    // 1 / sqrt(2 pi)
constexpr float kTanhScale = 0x1.988454p-1F;  // sqrt(2 / pi), as Hendrycks and Gimpel (2016)
constexpr float kTanhCubic = 0.044715F;

struct Curve {
  ActivationKind kind;
  float negative_slope;
  bool approximate;

  explicit Curve(const Activation& activation)
      : kind(activation.kind),
        negative_slope(static_cast<float>(activation.negative_slope)),
        approximate(activation.approximate) {}

  /// The normal distribution's cumulative function, exactly or by the tanh formula.
  CONVOY_DEVICE float cumulative(float x) const {
    if (approximate) return math::sigmoid(2.0F * kTanhScale * (x + kTanhCubic * x * x * x));
    return 0.5F * math::erfc(-x * kSqrtHalf);
  }

  CONVOY_DEVICE float value(float x) const {
    switch (kind) {
      case ActivationKind::relu:
        return x <= 0.0F ? 0.0F : x;  // a NaN stays one
      case ActivationKind::leaky_relu:
        return x > 0.0F ? x : x * negative_slope;
      case ActivationKind::gelu:
        return x * cumulative(x);
      case ActivationKind::tanh:
        return math::tanh(x);
      case ActivationKind::sigmoid:
        return math::sigmoid(x);
      default:
        return x;
    }
  }

  /// At a place known by its output, or for gelu by its input.
  CONVOY_DEVICE float slope(float at) const {
    switch (kind) {
      case ActivationKind::relu:
        return at > 0.0F ? 1.0F : 0.0F;
      case ActivationKind::leaky_relu:
        return at > 0.0F ? 1.0F : negative_slope;
      case ActivationKind::gelu: {
        const float c = cumulative(at);
        if (approximate)
          return c + at * (2.0F * kTanhScale * c * (1.0F - c) * (1.0F + 3.0F * kTanhCubic * at * at));
        return c + at * (kDensity * math::exp(-0.5F * at * at));
      }
      case ActivationKind::tanh:
        return 1.0F - at * at;
      case ActivationKind::sigmoid:
        return at * (1.0F - at);
      default:
        return 1.0F;
    }
  }
};

template <class T>
struct Activate {
  Curve curve;
  std::int64_t channels;
  const T* x;
  const float* bias;
  T* sum;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    float value = static_cast<float>(x[i]);
    if (bias) value += bias[i % channels];
    if (sum) sum[i] = T(value);
    y[i] = T(curve.value(value));
  }
};

template <class T>
struct ActivationGradient {
  Curve curve;
  const T* at;
  const T* dy;
  T* dx;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    dx[i] = T(static_cast<float>(dy[i]) * curve.slope(static_cast<float>(at[i])));
  }
};

/// A thread a row.
template <class T>
struct Softmax {
  std::int64_t width;
  const T* x;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t row) const {
    const T* from = x + row * width;
    float largest = static_cast<float>(from[0]);
    for (std::int64_t i = 1; i < width; ++i) {
      const float value = static_cast<float>(from[i]);
      largest = value > largest ? value : largest;
    }
    double sum = 0;
    for (std::int64_t i = 0; i < width; ++i)
      sum += static_cast<double>(math::exp(static_cast<float>(from[i]) - largest));
    const float scale = static_cast<float>(1.0 / sum);
    for (std::int64_t i = 0; i < width; ++i)
      y[row * width + i] = T(math::exp(static_cast<float>(from[i]) - largest) * scale);
  }
};

template <class T>
struct SoftmaxGradient {
  std::int64_t width;
  const T* y;
  const T* dy;
  T* dx;

  CONVOY_DEVICE void operator()(std::int64_t row) const {
    const std::int64_t first = row * width;
    double dot = 0;
    for (std::int64_t i = first; i < first + width; ++i)
      dot += static_cast<double>(static_cast<float>(y[i])) * static_cast<double>(static_cast<float>(dy[i]));
    const float mean = static_cast<float>(dot);
    for (std::int64_t i = first; i < first + width; ++i)
      dx[i] = T(static_cast<float>(y[i]) * (static_cast<float>(dy[i]) - mean));
  }
};

/// Rows that one thread adds up.
constexpr std::int64_t kRows = 32;

std::int64_t parts_of(std::int64_t rows) { return (rows + kRows - 1) / kRows; }

template <class T>
struct PartialColumnSums {
  std::int64_t rows, columns;
  const T* values;
  float* partial;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t part = i / columns, column = i % columns;
    const std::int64_t last = (part + 1) * kRows < rows ? (part + 1) * kRows : rows;
    float sum = 0;
    for (std::int64_t row = part * kRows; row < last; ++row)
      sum += static_cast<float>(values[row * columns + column]);
    partial[i] = sum;
  }
};

struct ColumnSums {
  std::int64_t parts, columns;
  const float* partial;
  float* sums;

  CONVOY_DEVICE void operator()(std::int64_t column) const {
    double sum = 0;
    for (std::int64_t part = 0; part < parts; ++part)
      sum += static_cast<double>(partial[part * columns + column]);
    sums[column] = static_cast<float>(sum);
  }
};

}  // namespace

bool is_known_by_output(const Activation& activation) {
  return activation.kind != ActivationKind::gelu &&
         !(activation.kind == ActivationKind::leaky_relu && activation.negative_slope < 0);
}

void activate(const Stream& stream, Storage storage, const Activation& activation, std::int64_t rows,
              std::int64_t channels, const void* x, const float* bias, void* sum, void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, rows * channels,
           Activate<T>{Curve(activation), channels, static_cast<const T*>(x), bias, static_cast<T*>(sum),
                       static_cast<T*>(y)});
  });
}

void activation_gradient(const Stream& stream, Storage storage, const Activation& activation, std::int64_t n,
                         const void* x, const void* y, const void* dy, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, n,
           ActivationGradient<T>{Curve(activation),
                                 static_cast<const T*>(is_known_by_output(activation) ? y : x),
                                 static_cast<const T*>(dy), static_cast<T*>(dx)});
  });
}

void softmax(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t width, const void* x,
             void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, rows, Softmax<T>{width, static_cast<const T*>(x), static_cast<T*>(y)});
  });
}

void softmax_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t width,
                      const void* y, const void* dy, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    launch(
        stream, rows,
        SoftmaxGradient<T>{width, static_cast<const T*>(y), static_cast<const T*>(dy), static_cast<T*>(dx)});
  });
}

void column_sums(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t columns,
                 const void* values, void* partial, float* sums) {
  float* parts = static_cast<float*>(partial);
  with_storage(storage, [&]<class T>(T) {
    launch(stream, parts_of(rows) * columns,
           PartialColumnSums<T>{rows, columns, static_cast<const T*>(values), parts});
  });
  launch(stream, columns, ColumnSums{parts_of(rows), columns, parts, sums});
}

std::size_t column_sum_bytes(std::int64_t rows, std::int64_t columns) {
  return static_cast<std::size_t>(parts_of(rows) * columns) * sizeof(float);
}

}  // namespace convoy::cuda
