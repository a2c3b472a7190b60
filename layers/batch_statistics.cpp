#include "layers/batch_statistics.h"

#include <algorithm>

namespace convoy {

void combine_moments(std::span<const double> records, std::int64_t channels,
                     std::span<double> mean_and_variance) {
  const std::size_t c = static_cast<std::size_t>(channels);
  const std::size_t width = 1 + 2 * c;
  const std::span<double> mean = mean_and_variance.first(c);
  const std::span<double> squares = mean_and_variance.subspan(c, c);
  std::fill(mean_and_variance.begin(), mean_and_variance.end(), 0.0);
  double count = 0;
  for (; !records.empty(); records = records.subspan(width)) {
    const double added = records[0];
    if (added == 0) continue;
    const double total = count + added;
    for (std::size_t i = 0; i < c; ++i) {
      const double delta = records[1 + i] - mean[i];
      mean[i] += delta * (added / total);
      squares[i] += records[1 + c + i] + delta * delta * (count * added / total);
    }
    count = total;
  }
  for (double& value : squares) value /= count;
}

void combine_gradient_sums(std::span<const double> records, std::int64_t channels, double count,
                           std::span<double> means) {
  const std::size_t width = 2 * static_cast<std::size_t>(channels);
  std::fill(means.begin(), means.end(), 0.0);
  for (; !records.empty(); records = records.subspan(width))
    for (std::size_t i = 0; i < width; ++i) means[i] += records[i];
  for (double& value : means) value /= count;
}

void update_moving(std::span<const float> moving, std::span<const double> value, double momentum,
                   std::span<float> updated) {
  for (std::size_t i = 0; i < moving.size(); ++i)
    updated[i] = static_cast<float>(momentum * static_cast<double>(moving[i]) + (1 - momentum) * value[i]);
}

}  // namespace convoy
