#include <cmath>

#include "core/cuda/kernels/exact_sum.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

namespace {

struct AddExact {
  std::int64_t* sums;
  const float* gradient;
  float limit;
  std::int32_t block;
  std::int32_t* bad_block;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    const float value = gradient[i];
    if (!(value < limit && value > -limit)) {  // NaN too
      atomic_max(bad_block, block + 1);
      return;
    }
    atomic_add(sums + i, std::llrint(static_cast<double>(value) * 0x1p44));
  }
};

struct ExactToFloat {
  float* to;
  const std::int64_t* sums;

  CONVOY_DEVICE void operator()(std::int64_t i) const {
    to[i] = static_cast<float>(static_cast<double>(sums[i]) * 0x1p-44);
  }
};

}  // namespace

void add_exact(const Stream& stream, std::int64_t* sums, const float* gradient, std::int64_t n, float limit,
               std::int32_t block, std::int32_t* bad_block) {
  launch(stream, n, AddExact{sums, gradient, limit, block, bad_block});
}

void exact_to_float(const Stream& stream, float* to, const std::int64_t* sums, std::int64_t n) {
  launch(stream, n, ExactToFloat{to, sums});
}

}  // namespace convoy::cuda
