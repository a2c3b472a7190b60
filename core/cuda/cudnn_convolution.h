#pragma once

#include <cstddef>
#include <cstdint>
#include <cudnn.h>
#include <string>

#include "core/cuda/handle.h"
#include "core/cuda/kernels/layout.h"
#include "core/ops.h"

namespace convoy::cuda {

/// A convolution of a batch, with what cuDNN asks of it: as much padding before an axis as behind it.
struct ConvolutionShape {
  std::int64_t samples = 0;
  Shape input, output;  ///< [H, W, C]
  FilterShape filter;
  std::int64_t pad_y = 0, pad_x = 0;
  std::int64_t stride_y = 1, stride_x = 1;
  std::int64_t dilation_y = 1, dilation_x = 1;
  std::int64_t groups = 1;
};

/// What cuDNN computes of a convolution.
enum class ConvolutionPass { forward, backward_data, backward_filter };

/// A convolution as cuDNN has it described: x and y NHWC, filters KRSC, all in one storage; sums in float32.
class CudnnConvolution {
 public:
  /// Throws DeviceError that names the layer where a tensor is larger than cuDNN takes.
  CudnnConvolution(const ConvolutionShape& shape, Storage storage, cudnnMathType_t math,
                   const std::string& layer);

  /// The number of the algorithm that cuDNN expects to be the fastest of those that have no atomic sums and
  /// whose workspace is not beyond measure. With `only_products`, of those that multiply the factors
  /// themselves, not what a transform has made of them. Throws DeviceError that names the layer where there
  /// is none.
  int choose(cudnnHandle_t handle, ConvolutionPass pass, bool only_products = false) const;
  std::size_t workspace_bytes(cudnnHandle_t handle, ConvolutionPass pass, int algorithm) const;

  struct Workspace {
    void* data = nullptr;
    std::size_t bytes = 0;
  };
  void forward(cudnnHandle_t handle, int algorithm, const void* x, const void* filters, void* y,
               Workspace workspace) const;
  void backward_data(cudnnHandle_t handle, int algorithm, const void* filters, const void* dy, void* dx,
                     Workspace workspace) const;
  void backward_filter(cudnnHandle_t handle, int algorithm, const void* x, const void* dy, void* dfilters,
                       Workspace workspace) const;

 private:
  template <class Performance>
  int choose_of(const Performance* first, int found, ConvolutionPass pass, bool only_products) const;

  static void destroy_tensor(cudnnTensorDescriptor_t tensor) noexcept;
  static void destroy_filter(cudnnFilterDescriptor_t filter) noexcept;
  static void destroy_convolution(cudnnConvolutionDescriptor_t convolution) noexcept;
  using Tensor = Handle<cudnnTensorDescriptor_t, destroy_tensor>;
  Tensor make_tensor(std::int64_t samples, const Shape& shape) const;

  std::string layer_;
  cudnnMathType_t math_;
  cudnnDataType_t type_;
  Tensor x_, y_;
  Handle<cudnnFilterDescriptor_t, destroy_filter> filters_;
  Handle<cudnnConvolutionDescriptor_t, destroy_convolution> convolution_;
};

}  // namespace convoy::cuda
