#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/cuda/make_kernel.h"
#include "core/cuda/memory.h"
#include "layers/model.h"

namespace convoy {

/// Consecutive ops computed by one kernel of a device.
struct DeviceBlock {
  std::span<const Op> ops;
  std::string kernel_name;
  std::unique_ptr<cuda::DeviceKernel> kernel;
  std::vector<ParameterRange> parameters;   ///< of all its ops, in order
  const BatchMomentsOp* moments = nullptr;  ///< where the block is a batch normalization's first half

  std::int64_t input_elements() const { return ops.front().input.elements(); }
  std::int64_t output_elements() const { return ops.back().output.elements(); }
  const std::string& layer_name() const { return ops.front().layer_name; }
};

/// A model compiled for a device, as Network is for the CPU: blocks, cut into segments where the whole global
/// batch must meet.
class DeviceNetwork {
 public:
  /// Makes the kernel for the leading ops.
  using Make = std::function<cuda::MadeKernel(std::span<const Op> ops, cuda::Storage storage)>;

  /// Prepares what the kernels use for a stream that slices are to run in.
  using Open = std::function<void(const cuda::Stream& stream)>;

  /// The model must outlive the network, as must what `make` and `open` refer to.
  DeviceNetwork(const Model& model, cuda::Storage storage, const Make& make, Open open = {});

  const Model& model() const { return model_; }
  std::span<const DeviceBlock> blocks() const { return blocks_; }
  /// Segment s is blocks [segments()[s], segments()[s + 1]).
  std::span<const std::size_t> segments() const { return segments_; }
  std::size_t segment_count() const { return segments_.size() - 1; }
  cuda::Storage storage() const { return storage_; }
  /// The first block with parameters: those before it need no backward pass.
  std::size_t first_trainable() const { return first_trainable_; }

  void plan(std::int64_t samples);
  /// To be called once for each stream that slices run in, before anything is captured.
  void open(const cuda::Stream& stream) const {
    if (open_) open_(stream);
  }
  /// Queues what the kernels do once for new parameters, [parameter_elements] on the device.
  void prepare(const cuda::Stream& stream, const float* parameters) const;
  /// A block's parameters in an arena on the device.
  std::vector<const float*> operands(std::size_t block, const float* parameters) const;

 private:
  const Model& model_;
  cuda::Storage storage_;
  std::vector<DeviceBlock> blocks_;
  std::vector<std::size_t> segments_;
  std::size_t first_trainable_ = 0;
  Open open_;
};

}  // namespace convoy
