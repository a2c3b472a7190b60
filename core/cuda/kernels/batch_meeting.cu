#include "core/cuda/kernels/batch_meeting.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

namespace {

struct CombineMoments {
  const double* records;
  std::int64_t slices, channels;
  double* result;

  CONVOY_DEVICE void operator()(std::int64_t c) const {
    double count = 0, mean = 0, squares = 0;
    for (std::int64_t slice = 0; slice < slices; ++slice) {
      const double* record = records + slice * (1 + 2 * channels);
      const double added = record[0];
      if (added == 0) continue;
      const double total = count + added;
      const double delta = record[1 + c] - mean;
      mean += delta * (added / total);
      squares += record[1 + channels + c] + delta * delta * (count * added / total);
      count = total;
    }
    result[c] = mean;
    result[channels + c] = squares / count;
  }
};

struct CombineGradientSums {
  const double* records;
  const double* moments;
  std::int64_t slices, channels;
  double* means;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    double sum = 0, count = 0;
    for (std::int64_t slice = 0; slice < slices; ++slice) {
      sum += records[slice * 2 * channels + i];
      count += moments[slice * (1 + 2 * channels)];
    }
    means[i] = sum / count;
  }
};

struct AverageMoments {
  const double* records;
  std::int64_t stride, slices, channels;
  double* result;

  CONVOY_DEVICE void operator()(std::int64_t c) const {
    double count = 0, mean = 0, variance = 0;
    for (std::int64_t slice = 0; slice < slices; ++slice) {
      const double* record = records + slice * stride;
      if (record[0] == 0) continue;
      count += record[0];
      mean += record[0] * record[1 + c];
      variance += record[1 + channels + c];
    }
    result[c] = mean / count;
    result[channels + c] = variance / count;
  }
};

struct MoveStatistics {
  double momentum;
  const double* value;
  const float* moving;
  float* moved;

  CONVOY_DEVICE void operator()(std::int64_t c) const {
    moved[c] = static_cast<float>(momentum * static_cast<double>(moving[c]) + (1 - momentum) * value[c]);
  }
};

}  // namespace

void combine_moments(const Stream& stream, const double* records, std::int64_t slices, std::int64_t channels,
                     double* mean_and_variance) {
  launch(stream, channels, CombineMoments{records, slices, channels, mean_and_variance});
}

void combine_gradient_sums(const Stream& stream, const double* records, const double* moments,
                           std::int64_t slices, std::int64_t channels, double* means) {
  launch(stream, 2 * channels, CombineGradientSums{records, moments, slices, channels, means});
}

void average_moments(const Stream& stream, const double* records, std::int64_t stride, std::int64_t slices,
                     std::int64_t channels, double* mean_and_variance) {
  launch(stream, channels, AverageMoments{records, stride, slices, channels, mean_and_variance});
}

void move_statistics(const Stream& stream, std::int64_t channels, double momentum, const double* value,
                     const float* moving, float* moved) {
  launch(stream, channels, MoveStatistics{momentum, value, moving, moved});
}

}  // namespace convoy::cuda
