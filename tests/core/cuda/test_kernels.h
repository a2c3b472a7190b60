#pragma once

#include "core/cuda/launch.h"

namespace convoy::cuda::test {

// Small kernels for tests of what runs them.

struct Fill {
  float* to;
  float value;
  CONVOY_DEVICE void operator()(std::int64_t i) const { to[i] = value; }
};

struct Scale {
  const float* from;
  float* to;
  float factor;
  CONVOY_DEVICE void operator()(std::int64_t i) const { to[i] = factor * from[i]; }
};

}  // namespace convoy::cuda::test
