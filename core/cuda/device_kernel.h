#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/cuda/stream.h"
#include "core/ops.h"

namespace convoy::cuda {

/// What changes from step to step, in the device's memory, where the step's captured work reads it.
struct StepValues {
  std::uint64_t seed = 0;         ///< of the run
  std::uint64_t step = 0;         ///< of the run, from 0: the counter of random draws
  std::uint64_t epoch = 0;        ///< of the order of the samples
  std::int64_t first_sample = 0;  ///< the place of the batch's first sample in the epoch's order
  std::int64_t report = 0;        ///< which of the reports is this step's
  // Of the optimizer:
  float learning_rate = 0;
  float alpha = 0;  ///< Adam's: learning rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) in update t
  float decay = 0;  ///< learning rate * weight decay
};

/// As SliceArgs, ForwardArgs and BackwardArgs (core/backend.h) for the CPU: what a kernel is given for one
/// slice. All is fixed when the work is captured. Pointers are the device's, but for the arrays `parameters`
/// and `grad_parameters` themselves.
struct DeviceSliceArgs {
  std::int64_t samples = 0;
  bool training = false;
  const StepValues* step = nullptr;
  std::int64_t first_position = 0;           ///< of the slice's first sample in the global batch
  const float* const* parameters = nullptr;  ///< the ops' float32 master parameters, in order
  const double* batch_values = nullptr;      ///< see BatchMomentsOp
  const void* input = nullptr;
  void* saved = nullptr;      ///< saved_bytes(samples), kept from forward to backward
  void* workspace = nullptr;  ///< workspace_bytes(samples), of the stream that the slice runs in
};

struct DeviceForwardArgs : DeviceSliceArgs {
  void* output = nullptr;
  double* record = nullptr;  ///< see BatchMomentsOp
};

struct DeviceBackwardArgs : DeviceSliceArgs {
  const void* output = nullptr;
  void* grad_output = nullptr;  ///< may be overwritten
  void* grad_input = nullptr;   ///< written; null where nobody needs it
  float* const* grad_parameters =
      nullptr;  ///< written (not added to): the slice's gradient of each parameter
  double* record = nullptr;
};

/// What activations, their gradients and the factors of products are stored as; sums are float32 in all.
enum class Storage { float32, bfloat16 };

/// One or two ops (a convolution or dense layer takes an element-wise activation with it) on a device, made
/// for a shape and a storage. forward() and backward() only queue work: no allocation, no synchronization.
/// The bits of a slice's result depend on the arguments' values and `samples` alone.
class DeviceKernel {
 public:
  virtual ~DeviceKernel() = default;

  /// Prepares for slices of this many samples: chooses algorithms, allocates. Not while anything is captured.
  virtual void plan(std::int64_t /*samples*/) {}
  /// Queued once a step, before any slice: the place to bring weights into the layout that products take.
  virtual void prepare(const Stream& /*stream*/, const float* const* /*parameters*/) const {}

  virtual std::size_t saved_bytes(std::int64_t /*samples*/) const { return 0; }
  virtual std::size_t workspace_bytes(std::int64_t /*samples*/) const { return 0; }

  virtual void forward(const Stream& stream, const DeviceForwardArgs& args) const = 0;
  virtual void backward(const Stream& stream, const DeviceBackwardArgs& args) const = 0;
};

}  // namespace convoy::cuda
