#include "core/cuda/cudnn_convolution.h"

#include <array>
#include <limits>

#include "core/cuda/check.h"
#include "core/cuda/cudnn_check.h"
#include "core/error.h"

namespace convoy::cuda {

namespace {

constexpr float kOne = 1, kZero = 0;

/// More than this is taken only where there is nothing else: every stream has a workspace of its own.
constexpr std::size_t kMostWorkspaceBytes = std::size_t{256} << 20;

const char* name_of(ConvolutionPass pass) {
  return pass == ConvolutionPass::forward         ? "forward"
         : pass == ConvolutionPass::backward_data ? "gradient of the input"
                                                  : "gradient of the kernel";
}

/// Whether an algorithm multiplies in the domain of a transform: Winograd's or Fourier's.
bool transforms(cudnnConvolutionFwdAlgo_t algorithm) { return algorithm >= CUDNN_CONVOLUTION_FWD_ALGO_FFT; }
bool transforms(cudnnConvolutionBwdDataAlgo_t algorithm) {
  return algorithm >= CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT;
}
bool transforms(cudnnConvolutionBwdFilterAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT ||
         algorithm >= CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD;
}

}  // namespace

CudnnConvolution::CudnnConvolution(const ConvolutionShape& shape, Storage storage, cudnnMathType_t math,
                                   const std::string& layer)
    : layer_(layer),
      math_(math),
      type_(storage == Storage::bfloat16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT),
      x_(make_tensor(shape.samples, shape.input)),
      y_(make_tensor(shape.samples, shape.output)) {
  const auto narrow = [](std::int64_t value) {
    return static_cast<int>(value);
  };  // make_tensor() has checked
  cudnnFilterDescriptor_t filters = nullptr;
  CONVOY_CUDNN_CALL(cudnnCreateFilterDescriptor(&filters));
  filters_ = decltype(filters_)(filters);
  CONVOY_CUDNN_CALL(cudnnSetFilter4dDescriptor(filters, type_, CUDNN_TENSOR_NHWC, narrow(shape.filter.out),
                                               narrow(shape.filter.in), narrow(shape.filter.height),
                                               narrow(shape.filter.width)));
  cudnnConvolutionDescriptor_t convolution = nullptr;
  CONVOY_CUDNN_CALL(cudnnCreateConvolutionDescriptor(&convolution));
  convolution_ = decltype(convolution_)(convolution);
  CONVOY_CUDNN_CALL(cudnnSetConvolution2dDescriptor(
      convolution, narrow(shape.pad_y), narrow(shape.pad_x), narrow(shape.stride_y), narrow(shape.stride_x),
      narrow(shape.dilation_y), narrow(shape.dilation_x), CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
  CONVOY_CUDNN_CALL(cudnnSetConvolutionGroupCount(convolution, narrow(shape.groups)));
  CONVOY_CUDNN_CALL(cudnnSetConvolutionMathType(convolution, math));
}

CudnnConvolution::Tensor CudnnConvolution::make_tensor(std::int64_t samples, const Shape& shape) const {
  if (samples * shape.elements() > std::numeric_limits<int>::max())
    throw DeviceError(
        "layer '{}': {} samples of {} are more than cuDNN takes at once; use more train.slices or a smaller "
        "train.global_batch_size",
        layer_, samples, shape.to_string());
  cudnnTensorDescriptor_t made = nullptr;
  CONVOY_CUDNN_CALL(cudnnCreateTensorDescriptor(&made));
  Tensor tensor(made);
  CONVOY_CUDNN_CALL(cudnnSetTensor4dDescriptor(made, CUDNN_TENSOR_NHWC, type_, static_cast<int>(samples),
                                               static_cast<int>(shape[2]), static_cast<int>(shape[0]),
                                               static_cast<int>(shape[1])));
  return tensor;
}

template <class Performance>
int CudnnConvolution::choose_of(const Performance* first, int found, ConvolutionPass pass,
                                bool only_products) const {
  const auto is_allowed = [&](const Performance& result) {
    if (result.status != CUDNN_STATUS_SUCCESS || result.determinism != CUDNN_DETERMINISTIC) return false;
    if (only_products && transforms(result.algo)) return false;
    // Elsewhere the descriptor's math type permits more than a result must make use of.
    return math_ != CUDNN_FMA_MATH || result.mathType == CUDNN_FMA_MATH ||
           result.mathType == CUDNN_DEFAULT_MATH;
  };
  const Performance* chosen = nullptr;
  for (const Performance* result = first; result != first + found; ++result)
    if (is_allowed(*result) && (!chosen || chosen->memory > kMostWorkspaceBytes)) {
      if (!chosen || result->memory <= kMostWorkspaceBytes) chosen = result;
    }
  if (!chosen)
    throw DeviceError("layer '{}': cuDNN has no algorithm without atomic sums for the {}, in {} on {}",
                      layer_, name_of(pass), type_ == CUDNN_DATA_FLOAT ? "float32" : "bfloat16",
                      current_device_name());
  return static_cast<int>(chosen->algo);
}

int CudnnConvolution::choose(cudnnHandle_t handle, ConvolutionPass pass, bool only_products) const {
  int found = 0;
  if (pass == ConvolutionPass::forward) {
    std::array<cudnnConvolutionFwdAlgoPerf_t, 2 * CUDNN_CONVOLUTION_FWD_ALGO_COUNT> results = {};
    CONVOY_CUDNN_CALL(
        cudnnGetConvolutionForwardAlgorithm_v7(handle, x_.get(), filters_.get(), convolution_.get(), y_.get(),
                                               static_cast<int>(results.size()), &found, results.data()));
    return choose_of(results.data(), found, pass, only_products);
  }
  if (pass == ConvolutionPass::backward_data) {
    std::array<cudnnConvolutionBwdDataAlgoPerf_t, 2 * CUDNN_CONVOLUTION_BWD_DATA_ALGO_COUNT> results = {};
    CONVOY_CUDNN_CALL(cudnnGetConvolutionBackwardDataAlgorithm_v7(
        handle, filters_.get(), y_.get(), convolution_.get(), x_.get(), static_cast<int>(results.size()),
        &found, results.data()));
    return choose_of(results.data(), found, pass, only_products);
  }
  std::array<cudnnConvolutionBwdFilterAlgoPerf_t, 2 * CUDNN_CONVOLUTION_BWD_FILTER_ALGO_COUNT> results = {};
  CONVOY_CUDNN_CALL(cudnnGetConvolutionBackwardFilterAlgorithm_v7(
      handle, x_.get(), y_.get(), convolution_.get(), filters_.get(), static_cast<int>(results.size()),
      &found, results.data()));
  return choose_of(results.data(), found, pass, only_products);
}

std::size_t CudnnConvolution::workspace_bytes(cudnnHandle_t handle, ConvolutionPass pass,
                                              int algorithm) const {
  std::size_t bytes = 0;
  if (pass == ConvolutionPass::forward)
    CONVOY_CUDNN_CALL(cudnnGetConvolutionForwardWorkspaceSize(
        handle, x_.get(), filters_.get(), convolution_.get(), y_.get(),
        static_cast<cudnnConvolutionFwdAlgo_t>(algorithm), &bytes));
  else if (pass == ConvolutionPass::backward_data)
    CONVOY_CUDNN_CALL(cudnnGetConvolutionBackwardDataWorkspaceSize(
        handle, filters_.get(), y_.get(), convolution_.get(), x_.get(),
        static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm), &bytes));
  else
    CONVOY_CUDNN_CALL(cudnnGetConvolutionBackwardFilterWorkspaceSize(
        handle, x_.get(), y_.get(), convolution_.get(), filters_.get(),
        static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm), &bytes));
  return bytes;
}

void CudnnConvolution::forward(cudnnHandle_t handle, int algorithm, const void* x, const void* filters,
                               void* y, Workspace workspace) const {
  CONVOY_CUDNN_CALL(cudnnConvolutionForward(handle, &kOne, x_.get(), x, filters_.get(), filters,
                                            convolution_.get(),
                                            static_cast<cudnnConvolutionFwdAlgo_t>(algorithm), workspace.data,
                                            workspace.bytes, &kZero, y_.get(), y));
}

void CudnnConvolution::backward_data(cudnnHandle_t handle, int algorithm, const void* filters, const void* dy,
                                     void* dx, Workspace workspace) const {
  CONVOY_CUDNN_CALL(cudnnConvolutionBackwardData(handle, &kOne, filters_.get(), filters, y_.get(), dy,
                                                 convolution_.get(),
                                                 static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm),
                                                 workspace.data, workspace.bytes, &kZero, x_.get(), dx));
}

void CudnnConvolution::backward_filter(cudnnHandle_t handle, int algorithm, const void* x, const void* dy,
                                       void* dfilters, Workspace workspace) const {
  CONVOY_CUDNN_CALL(
      cudnnConvolutionBackwardFilter(handle, &kOne, x_.get(), x, y_.get(), dy, convolution_.get(),
                                     static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm), workspace.data,
                                     workspace.bytes, &kZero, filters_.get(), dfilters));
}

void CudnnConvolution::destroy_tensor(cudnnTensorDescriptor_t tensor) noexcept {
  check_quietly(cudnnDestroyTensorDescriptor(tensor), "cudnnDestroyTensorDescriptor");
}
void CudnnConvolution::destroy_filter(cudnnFilterDescriptor_t filter) noexcept {
  check_quietly(cudnnDestroyFilterDescriptor(filter), "cudnnDestroyFilterDescriptor");
}
void CudnnConvolution::destroy_convolution(cudnnConvolutionDescriptor_t convolution) noexcept {
  check_quietly(cudnnDestroyConvolutionDescriptor(convolution), "cudnnDestroyConvolutionDescriptor");
}

}  // namespace convoy::cuda
