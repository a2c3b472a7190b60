// A stand-in for cuDNN: convolutions of NHWC images with KRSC filters, by plain loops. Of each pass it offers
// one algorithm with atomic sums first, which must not be taken, and one without, which wants a workspace.
#include <cstdio>
#include <cudnn.h>
#include <type_traits>

#include "tests/support/fake_cuda/elements.h"

using namespace convoy::fake_cuda;

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::int64_t samples = 0, channels = 0, height = 0, width = 0;
};
struct cudnnFilterStruct {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::int64_t out = 0, in = 0, height = 0, width = 0;
};
struct cudnnConvolutionStruct {
  std::int64_t pad_y = 0, pad_x = 0, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1, groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

namespace {

constexpr std::size_t kWorkspaceBytes = 1024;

cudnnStatus_t reject(const char* why) {
  std::fprintf(stderr, "fake cuDNN rejects a call: %s\n", why);
  return CUDNN_STATUS_NOT_SUPPORTED;
}

template <class Struct>
cudnnStatus_t create(const char* name, Struct** made) {
  if (begin_call(name)) return CUDNN_STATUS_INTERNAL_ERROR;
  *made = new Struct;
  acquired(name, *made);
  return CUDNN_STATUS_SUCCESS;
}

template <class Struct>
cudnnStatus_t destroy(const char* name, const char* maker, Struct* made) {
  const bool fails = begin_call(name);
  if (!released(maker, made)) return CUDNN_STATUS_BAD_PARAM;
  delete made;
  return fails ? CUDNN_STATUS_INTERNAL_ERROR : CUDNN_STATUS_SUCCESS;
}

/// A convolution as its descriptors say.
struct Geometry {
  cudnnTensorStruct x, y;
  cudnnFilterStruct f;
  cudnnConvolutionStruct c;

  bool fits() const {
    const auto out = [](std::int64_t in, std::int64_t pad, std::int64_t kernel, std::int64_t dilation,
                        std::int64_t stride) {
      return (in + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
    };
    return x.samples == y.samples && x.channels == f.in * c.groups && y.channels == f.out &&
           f.out % c.groups == 0 && y.height == out(x.height, c.pad_y, f.height, c.dilation_y, c.stride_y) &&
           y.width == out(x.width, c.pad_x, f.width, c.dilation_x, c.stride_x) && x.type == y.type &&
           x.type == f.type;
  }
  bool is_narrow() const { return x.type == CUDNN_DATA_BFLOAT16; }
  std::size_t bytes(std::int64_t elements) const {
    return static_cast<std::size_t>(elements) * (is_narrow() ? 2 : 4);
  }
  std::size_t x_bytes() const { return bytes(x.samples * x.channels * x.height * x.width); }
  std::size_t y_bytes() const { return bytes(y.samples * y.channels * y.height * y.width); }
  std::size_t f_bytes() const { return bytes(f.out * f.in * f.height * f.width); }

  /// Calls visit(place in x, place in y, place in the filters) for each product, those of an output together.
  template <class Visit>
  void each_product(const Visit& visit) const {
    const std::int64_t per_group = f.out / c.groups;
    std::int64_t place = 0;
    for (std::int64_t n = 0; n < y.samples; ++n)
      for (std::int64_t row = 0; row < y.height; ++row)
        for (std::int64_t column = 0; column < y.width; ++column)
          for (std::int64_t o = 0; o < f.out; ++o, ++place)
            for (std::int64_t u = 0; u < f.height; ++u)
              for (std::int64_t v = 0; v < f.width; ++v) {
                const std::int64_t r = row * c.stride_y + u * c.dilation_y - c.pad_y;
                const std::int64_t s = column * c.stride_x + v * c.dilation_x - c.pad_x;
                if (r < 0 || r >= x.height || s < 0 || s >= x.width) continue;
                for (std::int64_t i = 0; i < f.in; ++i)
                  visit(((n * x.height + r) * x.width + s) * x.channels + o / per_group * f.in + i, place,
                        ((o * f.height + u) * f.width + v) * f.in + i);
              }
  }
};

/// Sums of floats at many places, in float32, stored at the end.
class Sums {
 public:
  explicit Sums(std::size_t bytes, bool narrow) : sums_(bytes / (narrow ? 2 : 4)) {}
  float& operator[](std::int64_t i) { return sums_[static_cast<std::size_t>(i)]; }
  void store(const Elements& to) const {
    for (std::size_t i = 0; i < sums_.size(); ++i) to.set(static_cast<std::int64_t>(i), sums_[i]);
  }

 private:
  std::vector<float> sums_;
};

template <class Work>
cudnnStatus_t run(const char* name, cudnnHandle_t handle, const Geometry& geometry, int algorithm,
                  const void* x, const void* filters, const void* y, void* workspace,
                  std::size_t workspace_bytes, const void* alpha, const void* beta, Work work) {
  if (begin_call(name)) return CUDNN_STATUS_EXECUTION_FAILED;
  if (!geometry.fits()) return reject("shapes or types that do not belong together");
  if (algorithm != 1) return reject("an algorithm that it did not offer, or with atomic sums");
  if (*static_cast<const float*>(alpha) != 1 || *static_cast<const float*>(beta) != 0)
    return reject("factors that nothing here uses");
  if (workspace_bytes < kWorkspaceBytes || !is_usable(handle->stream, workspace, workspace_bytes))
    return reject("a workspace that is too small, or not the device's");
  if (!is_usable(handle->stream, x, geometry.x_bytes()) ||
      !is_usable(handle->stream, filters, geometry.f_bytes()) ||
      !is_usable(handle->stream, y, geometry.y_bytes()))
    return reject("memory that is not the device's, or not aligned");
  return enqueue(handle->stream, name, std::move(work)) == cudaSuccess ? CUDNN_STATUS_SUCCESS
                                                                       : CUDNN_STATUS_EXECUTION_FAILED;
}

template <class Performance>
cudnnStatus_t offer(const char* name, const Geometry& geometry, int wanted, int* found,
                    Performance* results) {
  if (begin_call(name)) return CUDNN_STATUS_INTERNAL_ERROR;
  if (!geometry.fits()) return reject("shapes or types that do not belong together");
  if (wanted < 2) return reject("a list that has no room");
  using Algorithm = std::remove_reference_t<decltype(results->algo)>;
  for (int i = 0; i < 2; ++i) {
    results[i] = {};
    results[i].algo = static_cast<Algorithm>(i);
    results[i].status = CUDNN_STATUS_SUCCESS;
    results[i].memory = kWorkspaceBytes;
    results[i].determinism = i == 0 ? CUDNN_NON_DETERMINISTIC : CUDNN_DETERMINISTIC;
    results[i].mathType = geometry.c.math;
  }
  *found = 2;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace_of(const char* name, const Geometry& geometry, std::size_t* bytes) {
  if (begin_call(name)) return CUDNN_STATUS_INTERNAL_ERROR;
  if (!geometry.fits()) return reject("shapes or types that do not belong together");
  *bytes = kWorkspaceBytes;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace

const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "not supported" : "an error that the test wants";
}
void cudnnGetLastErrorString(char* message, std::size_t size) {
  std::snprintf(message, size, "as the test wants it");
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (is_capturing()) return reject("a handle made during capture");
  return create("cudnnCreate", handle);
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return destroy("cudnnDestroy", "cudnnCreate", handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (begin_call("cudnnSetStream")) return CUDNN_STATUS_INTERNAL_ERROR;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensor) {
  return create("cudnnCreateTensorDescriptor", tensor);
}
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensor) {
  return destroy("cudnnDestroyTensorDescriptor", "cudnnCreateTensorDescriptor", tensor);
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (begin_call("cudnnSetTensor4dDescriptor")) return CUDNN_STATUS_BAD_PARAM;
  if (format != CUDNN_TENSOR_NHWC) return reject("a layout other than NHWC");
  *tensor = {type, n, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* filter) {
  return create("cudnnCreateFilterDescriptor", filter);
}
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t filter) {
  return destroy("cudnnDestroyFilterDescriptor", "cudnnCreateFilterDescriptor", filter);
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  if (begin_call("cudnnSetFilter4dDescriptor")) return CUDNN_STATUS_BAD_PARAM;
  if (format != CUDNN_TENSOR_NHWC) return reject("a layout other than KRSC");
  *filter = {type, k, c, h, w};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* convolution) {
  return create("cudnnCreateConvolutionDescriptor", convolution);
}
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t convolution) {
  return destroy("cudnnDestroyConvolutionDescriptor", "cudnnCreateConvolutionDescriptor", convolution);
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h, int pad_w,
                                              int u, int v, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t compute) {
  if (begin_call("cudnnSetConvolution2dDescriptor")) return CUDNN_STATUS_BAD_PARAM;
  if (mode != CUDNN_CROSS_CORRELATION || compute != CUDNN_DATA_FLOAT)
    return reject("sums that are not float32");
  *convolution = {pad_h, pad_w, u, v, dilation_h, dilation_w, 1, CUDNN_DEFAULT_MATH};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convolution, int groups) {
  if (begin_call("cudnnSetConvolutionGroupCount")) return CUDNN_STATUS_BAD_PARAM;
  convolution->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math) {
  if (begin_call("cudnnSetConvolutionMathType")) return CUDNN_STATUS_BAD_PARAM;
  convolution->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                     const cudnnFilterDescriptor_t f,
                                                     const cudnnConvolutionDescriptor_t c,
                                                     const cudnnTensorDescriptor_t y, const int wanted,
                                                     int* found, cudnnConvolutionFwdAlgoPerf_t* results) {
  return offer("cudnnGetConvolutionForwardAlgorithm_v7", {*x, *y, *f, *c}, wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t f,
                                                          const cudnnTensorDescriptor_t y,
                                                          const cudnnConvolutionDescriptor_t c,
                                                          const cudnnTensorDescriptor_t x, const int wanted,
                                                          int* found,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return offer("cudnnGetConvolutionBackwardDataAlgorithm_v7", {*x, *y, *f, *c}, wanted, found, results);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                            const cudnnTensorDescriptor_t y,
                                                            const cudnnConvolutionDescriptor_t c,
                                                            const cudnnFilterDescriptor_t f, const int wanted,
                                                            int* found,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return offer("cudnnGetConvolutionBackwardFilterAlgorithm_v7", {*x, *y, *f, *c}, wanted, found, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                      const cudnnFilterDescriptor_t f,
                                                      const cudnnConvolutionDescriptor_t c,
                                                      const cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t, std::size_t* bytes) {
  return workspace_of("cudnnGetConvolutionForwardWorkspaceSize", {*x, *y, *f, *c}, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, const cudnnFilterDescriptor_t f,
                                                           const cudnnTensorDescriptor_t y,
                                                           const cudnnConvolutionDescriptor_t c,
                                                           const cudnnTensorDescriptor_t x,
                                                           cudnnConvolutionBwdDataAlgo_t,
                                                           std::size_t* bytes) {
  return workspace_of("cudnnGetConvolutionBackwardDataWorkspaceSize", {*x, *y, *f, *c}, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x,
                                                             const cudnnTensorDescriptor_t y,
                                                             const cudnnConvolutionDescriptor_t c,
                                                             const cudnnFilterDescriptor_t f,
                                                             cudnnConvolutionBwdFilterAlgo_t,
                                                             std::size_t* bytes) {
  return workspace_of("cudnnGetConvolutionBackwardFilterWorkspaceSize", {*x, *y, *f, *c}, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha,
                                      const cudnnTensorDescriptor_t x_shape, const void* x,
                                      const cudnnFilterDescriptor_t f_shape, const void* f,
                                      const cudnnConvolutionDescriptor_t c,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace, std::size_t bytes,
                                      const void* beta, const cudnnTensorDescriptor_t y_shape, void* y) {
  const Geometry g{*x_shape, *y_shape, *f_shape, *c};
  return run("cudnnConvolutionForward", handle, g, algorithm, x, f, y, workspace, bytes, alpha, beta, [=] {
    const Elements from(x, g.is_narrow()), filters(f, g.is_narrow());
    Sums sums(g.y_bytes(), g.is_narrow());
    g.each_product([&](auto in, auto out, auto tap) { sums[out] += from[in] * filters[tap]; });
    sums.store({y, g.is_narrow()});
  });
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha,
                                           const cudnnFilterDescriptor_t f_shape, const void* f,
                                           const cudnnTensorDescriptor_t y_shape, const void* dy,
                                           const cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           std::size_t bytes, const void* beta,
                                           const cudnnTensorDescriptor_t x_shape, void* dx) {
  const Geometry g{*x_shape, *y_shape, *f_shape, *c};
  return run("cudnnConvolutionBackwardData", handle, g, algorithm, dx, f, dy, workspace, bytes, alpha, beta,
             [=] {
               const Elements gradient(dy, g.is_narrow()), filters(f, g.is_narrow());
               Sums sums(g.x_bytes(), g.is_narrow());
               g.each_product([&](auto in, auto out, auto tap) { sums[in] += gradient[out] * filters[tap]; });
               sums.store({dx, g.is_narrow()});
             });
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             const cudnnTensorDescriptor_t x_shape, const void* x,
                                             const cudnnTensorDescriptor_t y_shape, const void* dy,
                                             const cudnnConvolutionDescriptor_t c,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             std::size_t bytes, const void* beta,
                                             const cudnnFilterDescriptor_t f_shape, void* df) {
  const Geometry g{*x_shape, *y_shape, *f_shape, *c};
  return run("cudnnConvolutionBackwardFilter", handle, g, algorithm, x, df, dy, workspace, bytes, alpha, beta,
             [=] {
               const Elements from(x, g.is_narrow()), gradient(dy, g.is_narrow());
               Sums sums(g.f_bytes(), g.is_narrow());
               g.each_product([&](auto in, auto out, auto tap) { sums[tap] += gradient[out] * from[in]; });
               sums.store({df, g.is_narrow()});
             });
}
