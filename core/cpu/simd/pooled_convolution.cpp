#include "core/cpu/simd/pooled_convolution.h"

#include "core/cpu/simd/functions.h"

namespace convoy::simd::CONVOY_SIMD_ISA {

#if defined(__AVX2__)

namespace {

using namespace pooled;

bool can(const Args& a) { return a.filters % kLanes == 0 && a.pooled_height > 0 && a.pooled_width > 0; }

PooledConvolutionSizes sizes(const Args& a, std::int64_t samples) {
  const std::int64_t weights = is_narrow(a) ? image_elements(a) : weight_gradient_workspace(a, samples);
  const std::int64_t data = data_gradient_workspace(a, samples);
  PooledConvolutionSizes sizes;
  sizes.forward_weights = is_narrow(a) ? 9 * a.channels * a.filters : winograd_weights(a);
  sizes.backward_weights = 9 * channel_vectors(a) * kLanes * a.filters;
  sizes.forward_workspace = is_narrow(a) ? image_elements(a) : winograd_workspace(a);
  sizes.backward_workspace = weights > data ? weights : data;
  return sizes;
}

void pack(const Args& a, const float* kernel, float* forward, float* backward) {
  is_narrow(a) ? pack_direct(a, kernel, forward) : pack_winograd(a, kernel, forward);
  if (backward) pack_data_gradient(a, kernel, backward);
}

void forward(const Args& a, std::int64_t samples, const float* x, const float* weights, const float* bias,
             float* workspace, float* y, std::uint8_t* position) {
  is_narrow(a) ? forward_direct(a, samples, x, weights, bias, workspace, y, position)
               : forward_winograd(a, samples, x, weights, bias, workspace, y, position);
}

void backward(const Args& a, const Gradients& g, const float* weights, float* workspace) {
  is_narrow(a) ? weight_gradient_narrow(a, g, workspace) : weight_gradient(a, g, workspace);
  if (g.dx) data_gradient(a, g, weights, workspace);
}

}  // namespace

PooledConvolution pooled_convolution() { return {can, sizes, pack, forward, backward}; }

#else

namespace {
bool cannot(const PooledConvolutionArgs&) { return false; }
}  // namespace

PooledConvolution pooled_convolution() { return {.can = cannot}; }

#endif

}  // namespace convoy::simd::CONVOY_SIMD_ISA
