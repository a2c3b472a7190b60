#include <limits>

#include "core/cuda/cublas_check.h"
#include "core/cuda/kernels/activation.h"
#include "core/cuda/kernels/layout.h"
#include "core/cuda/libraries.h"
#include "core/cuda/make_kernel.h"
#include "core/cuda/ops/bias_and_activation.h"
#include "core/cuda/storage.h"
#include "core/error.h"

namespace convoy::cuda {

namespace {

cudaDataType_t cuda_type(Storage storage) { return storage == Storage::bfloat16 ? CUDA_R_16BF : CUDA_R_32F; }

/// A factor as it lies in memory, row by row.
struct Matrix {
  const void* values;
  std::int64_t columns;
  bool transposed = false;  ///< before it is multiplied
};

class Dense : public DeviceKernel {
 public:
  Dense(Libraries& libraries, std::span<const Op> ops, Storage storage)
      : libraries_(libraries),
        storage_(storage),
        inputs_(ops.front().input.elements()),
        units_(ops.front().output.elements()),
        layer_(ops.front().layer_name),
        tail_(ops, std::get<DenseOp>(ops.front().kind).use_bias, storage) {
    if (storage == Storage::bfloat16)
      rounded_ = DeviceMemory(static_cast<std::size_t>(inputs_ * units_) * size_of(storage));
  }

  void prepare(const Stream& stream, const float* const* parameters) const override {
    if (rounded_.size() > 0) store(stream, storage_, inputs_ * units_, parameters[0], rounded_.data());
  }

  std::size_t saved_bytes(std::int64_t samples) const override { return tail_.saved_bytes(samples); }
  std::size_t workspace_bytes(std::int64_t samples) const override { return tail_.partial_bytes(samples); }

  void forward(const Stream& stream, const DeviceForwardArgs& args) const override {
    multiply(stream, {args.input, inputs_}, {kernel_of(args), units_}, args.samples, inputs_, units_,
             args.output, storage_);
    tail_.forward(stream, args);
  }

  void backward(const Stream& stream, const DeviceBackwardArgs& args) const override {
    tail_.backward(stream, args, args.workspace);
    multiply(stream, {args.input, inputs_, true}, {args.grad_output, units_}, inputs_, args.samples, units_,
             args.grad_parameters[0], Storage::float32);
    if (args.grad_input)
      multiply(stream, {args.grad_output, units_}, {kernel_of(args), units_, true}, args.samples, units_,
               inputs_, args.grad_input, storage_);
  }

 private:
  const void* kernel_of(const DeviceSliceArgs& args) const {
    return rounded_.size() > 0 ? static_cast<const void*>(rounded_.data()) : args.parameters[0];
  }

  /// c [rows, columns] = a [rows, depth] * b [depth, columns], row by row. For cuBLAS, which counts column by
  /// column, that is c^T = b^T * a^T.
  void multiply(const Stream& stream, const Matrix& a, const Matrix& b, std::int64_t rows, std::int64_t depth,
                std::int64_t columns, void* c, Storage result) const {
    const float one = 1, zero = 0;
    const auto operation = [](const Matrix& matrix) { return matrix.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; };
    CONVOY_CUBLAS_CALL(cublasGemmEx(libraries_.cublas(stream), operation(b), operation(a), narrow(columns),
                                    narrow(rows), narrow(depth), &one, b.values, cuda_type(storage_),
                                    narrow(b.columns), a.values, cuda_type(storage_), narrow(a.columns),
                                    &zero, c, cuda_type(result), narrow(columns),
                                    libraries_.cublas_compute_type(storage_), CUBLAS_GEMM_DEFAULT));
  }

  int narrow(std::int64_t extent) const {
    if (extent > std::numeric_limits<int>::max())
      throw DeviceError("layer '{}': a matrix with an extent of {} is more than cuBLAS takes", layer_,
                        extent);
    return static_cast<int>(extent);
  }

  Libraries& libraries_;
  Storage storage_;
  std::int64_t inputs_, units_;
  std::string layer_;
  BiasAndActivation tail_;
  DeviceMemory rounded_;  ///< [inputs, units] in the storage, where that is not float32
};

}  // namespace

MadeKernel make_dense(Libraries& libraries, std::span<const Op> ops, Storage storage) {
  return {std::make_unique<Dense>(libraries, ops, storage), BiasAndActivation::ops(ops),
          "cublas: dense" + BiasAndActivation::name(ops)};
}

}  // namespace convoy::cuda
