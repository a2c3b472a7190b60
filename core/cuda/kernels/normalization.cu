#include <cmath>

#include "core/cuda/kernels/normalization.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

/// A block of threads has some neighbouring channels; each of its lanes has every kLanes-th row of them.
constexpr int kChannels = 32, kLanes = 16;

struct PerChannel {
  static constexpr int kThreads = kChannels * kLanes;

  /// A channel's sums over its lanes, added up by the first.
  struct Sums {
    double first[kLanes][kChannels];
    double second[kLanes][kChannels];

    CONVOY_DEVICE double total(const double (&sums)[kLanes][kChannels], int column) const {
      double total = 0;
      for (int lane = 0; lane < kLanes; ++lane) total += sums[lane][column];
      return total;
    }
  };

  std::int64_t rows, channels;

  CONVOY_DEVICE static int column(int thread) { return thread % kChannels; }
  CONVOY_DEVICE static int lane(int thread) { return thread / kChannels; }
  template <class At>
  CONVOY_DEVICE std::int64_t channel(const At& at) const {
    return at.block * kChannels + column(at.thread);
  }
  std::int64_t blocks() const { return (channels + kChannels - 1) / kChannels; }
};

template <class T>
struct ChannelMoments : PerChannel {
  static constexpr int kPhases = 3;
  using Shared = Sums;
  const T* x;
  double* record;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    const std::int64_t c = channel(at);
    const int own = column(at.thread), row_lane = lane(at.thread);
    if (c >= channels) return;
    const double count = static_cast<double>(rows);
    if constexpr (kPhase == 0) {
      double sum = 0;
      for (std::int64_t row = row_lane; row < rows; row += kLanes)
        sum += static_cast<double>(static_cast<float>(x[row * channels + c]));
      at.shared.first[row_lane][own] = sum;
    } else if constexpr (kPhase == 1) {
      const double mean = at.shared.total(at.shared.first, own) / count;
      double sum = 0;
      for (std::int64_t row = row_lane; row < rows; row += kLanes) {
        const double deviation = static_cast<double>(static_cast<float>(x[row * channels + c])) - mean;
        sum += deviation * deviation;
      }
      at.shared.second[row_lane][own] = sum;
    } else if (row_lane == 0) {
      record[1 + c] = at.shared.total(at.shared.first, own) / count;
      record[1 + channels + c] = at.shared.total(at.shared.second, own);
      if (c == 0) record[0] = count;
    }
  }
};

struct ChannelScales {
  std::int64_t channels;
  const double* values;
  bool backward;
  double epsilon;
  const float* gamma;
  const float* beta;
  ChannelScale* scales;

  CONVOY_DEVICE void operator()(std::int64_t c) const {
    ChannelScale scale;
    scale.mean = static_cast<float>(values[c]);
    scale.scale = static_cast<float>(1.0 / std::sqrt(values[channels + c] + epsilon));
    if (gamma) scale.gamma = gamma[c];
    if (beta) scale.beta = beta[c];
    if (backward) {
      scale.a = static_cast<float>(values[2 * channels + c]);
      scale.b = static_cast<float>(values[3 * channels + c]);
    }
    scales[c] = scale;
  }
};

CONVOY_DEVICE inline float x_hat(float x, const ChannelScale& scale) {
  return (x - scale.mean) * scale.scale;
}

template <class T>
struct Normalize {
  std::int64_t channels;
  const T* x;
  const ChannelScale* scales;
  T* y;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const ChannelScale scale = scales[i % channels];
    y[i] = T(x_hat(static_cast<float>(x[i]), scale) * scale.gamma + scale.beta);
  }
};

template <class T>
struct NormalizeSums : PerChannel {
  static constexpr int kPhases = 2;
  using Shared = Sums;
  const T* x;
  const ChannelScale* scales;
  const T* dy;
  double* record;
  float* gamma_gradient;
  float* beta_gradient;

  template <int kPhase>
  CONVOY_DEVICE void run(const Block<Shared>& at) const {
    const std::int64_t c = channel(at);
    const int own = column(at.thread), row_lane = lane(at.thread);
    if (c >= channels) return;
    const ChannelScale scale = scales[c];
    if constexpr (kPhase == 0) {
      double sum = 0, product = 0;
      for (std::int64_t row = row_lane; row < rows; row += kLanes) {
        const float gradient = static_cast<float>(dy[row * channels + c]);
        sum += static_cast<double>(gradient);
        product += static_cast<double>(gradient) *
                   static_cast<double>(x_hat(static_cast<float>(x[row * channels + c]), scale));
      }
      at.shared.first[row_lane][own] = sum;
      at.shared.second[row_lane][own] = product;
    } else if (row_lane == 0) {
      const double sum = at.shared.total(at.shared.first, own);
      const double product = at.shared.total(at.shared.second, own);
      record[c] = sum * static_cast<double>(scale.gamma);
      record[channels + c] = product * static_cast<double>(scale.gamma);
      if (gamma_gradient) gamma_gradient[c] = static_cast<float>(product);
      if (beta_gradient) beta_gradient[c] = static_cast<float>(sum);
    }
  }
};

template <class T>
struct TimesGamma {
  std::int64_t channels;
  const ChannelScale* scales;
  const T* dy;
  T* dx;
  CONVOY_DEVICE void operator()(std::int64_t i) const {
    dx[i] = T(static_cast<float>(dy[i]) * scales[i % channels].gamma);
  }
};

template <class T>
struct MomentsGradient {
  std::int64_t channels;
  const T* x;
  const ChannelScale* scales;
  const T* g;
  T* dx;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const ChannelScale scale = scales[i % channels];
    const float centred =
        static_cast<float>(g[i]) - scale.a - x_hat(static_cast<float>(x[i]), scale) * scale.b;
    dx[i] = T(centred * scale.scale);
  }
};

}  // namespace

void channel_moments(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                     const void* x, double* record) {
  with_storage(storage, [&]<class T>(T) {
    const ChannelMoments<T> body{{rows, channels}, static_cast<const T*>(x), record};
    launch_blocks(stream, body.blocks(), body);
  });
}

void channel_scales(const Stream& stream, std::int64_t channels, const double* batch_values, bool backward,
                    double epsilon, const float* gamma, const float* beta, ChannelScale* scales) {
  launch(stream, channels, ChannelScales{channels, batch_values, backward, epsilon, gamma, beta, scales});
}

void normalize(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels, const void* x,
               const ChannelScale* scales, void* y) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, rows * channels,
           Normalize<T>{channels, static_cast<const T*>(x), scales, static_cast<T*>(y)});
  });
}

void normalize_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                        const void* x, const ChannelScale* scales, const void* dy, double* record,
                        float* gamma_gradient, float* beta_gradient, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    const NormalizeSums<T> body{
        {rows, channels}, static_cast<const T*>(x), scales,       static_cast<const T*>(dy),
        record,           gamma_gradient,           beta_gradient};
    launch_blocks(stream, body.blocks(), body);
    if (dx)
      launch(stream, rows * channels,
             TimesGamma<T>{channels, scales, static_cast<const T*>(dy), static_cast<T*>(dx)});
  });
}

void moments_gradient(const Stream& stream, Storage storage, std::int64_t rows, std::int64_t channels,
                      const void* x, const ChannelScale* scales, const void* g, void* dx) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, rows * channels,
           MomentsGradient<T>{channels, static_cast<const T*>(x), scales, static_cast<const T*>(g),
                              static_cast<T*>(dx)});
  });
}

}  // namespace convoy::cuda
