#include "core/cpu/simd/pooled_convolution.h"

#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX2__)

namespace {

using namespace pooled;

bool can(const Args& a) {
  if (a.filters % kLanes != 0 || a.pooled_height < 1 || a.pooled_width < 1) return false;
  return is_narrow(a) ? row_vectors(a) <= 2 && a.pooled_width >= 2 : true;
}

PooledConvolutionSizes sizes(const Args& a) {
  const std::int64_t forward = forward_workspace(a), backward = backward_workspace(a);
  PooledConvolutionSizes sizes;
  sizes.image = image_elements(a);
  sizes.forward_weights = (is_narrow(a) ? 9 : 16) * a.channels * a.filters;
  sizes.backward_weights = window_elements(a) * a.filters;
  sizes.gradient = window_elements(a) * a.filters;
  sizes.workspace = forward > backward ? forward : backward;
  return sizes;
}

void pack(const Args& a, const float* kernel, float* forward, float* backward) {
  pack_forward(a, kernel, forward);
  if (backward) pack_backward(a, kernel, backward);
}

}  // namespace

PooledConvolution pooled_convolution() {
  return {can, sizes, pack, pooled::forward, pooled::backward, pooled::finish};
}

#else

namespace {
bool cannot(const PooledConvolutionArgs&) { return false; }
}  // namespace

PooledConvolution pooled_convolution() { return {.can = cannot}; }

#endif

}  // namespace convoy::simd::CONVOY_SIMD_ISA
