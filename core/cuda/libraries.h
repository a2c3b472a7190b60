#pragma once

#include <cublas_v2.h>
#include <cudnn.h>
#include <map>

#include "core/cuda/convolution_choices.h"
#include "core/cuda/device_kernel.h"
#include "core/cuda/handle.h"
#include "core/cuda/memory.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

/// What products of float32 factors may be rounded to: nothing, or TF32 (10 bits of fraction), which tensor
/// cores take. Products of bfloat16 factors are exact in both.
enum class Float32Products { exact, tf32 };

/// cuDNN and cuBLAS on the device that is current, with handles and a workspace of their own for each stream:
/// a handle that two streams share, or a workspace that cuBLAS takes as it finds some, would change the bits.
/// For use by one thread.
class Libraries {
 public:
  /// `workspace_bytes`: of cuBLAS, for each stream. What cuBLAS' manual asks for on Hopper, and a multiple of
  /// what it does on others; the same on all, since the kernel that cuBLAS takes depends on it.
  explicit Libraries(Float32Products products, std::size_t workspace_bytes = std::size_t{32} << 20);

  /// Makes the handles of a stream before it is used here. Not while anything is captured. A stream that is
  /// made where another was must be opened too. Throws DeviceError.
  void open(const Stream& stream);

  /// Those of a stream that was opened.
  cudnnHandle_t cudnn(const Stream& stream) const { return handles_of(stream).cudnn.get(); }
  cublasHandle_t cublas(const Stream& stream) const { return handles_of(stream).cublas.get(); }
  /// Of no stream: for questions, which queue nothing.
  cudnnHandle_t cudnn() const { return cudnn_.get(); }

  /// For convolutions in a storage.
  cudnnMathType_t cudnn_math(Storage storage) const;
  /// For products of factors in a storage. Sums are float32 in all.
  cublasComputeType_t cublas_compute_type(Storage storage) const;

  /// What convolutions were planned with, or will be.
  ConvolutionChoices& choices() { return choices_; }
  const ConvolutionChoices& choices() const { return choices_; }

 private:
  static void destroy_cudnn(cudnnHandle_t handle) noexcept;
  static void destroy_cublas(cublasHandle_t handle) noexcept;
  using Cudnn = Handle<cudnnHandle_t, destroy_cudnn>;
  using Cublas = Handle<cublasHandle_t, destroy_cublas>;
  struct Handles {
    DeviceMemory cublas_workspace;  // outlives cuBLAS' handle
    Cublas cublas;
    Cudnn cudnn;
  };
  static Cudnn make_cudnn();
  Handles make_handles() const;
  const Handles& handles_of(const Stream& stream) const;

  Float32Products products_;
  std::size_t workspace_bytes_;
  Cudnn cudnn_;
  std::map<cudaStream_t, Handles> handles_;
  ConvolutionChoices choices_;
};

}  // namespace convoy::cuda
