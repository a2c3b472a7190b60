#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cuda/collectives.h"
#include "core/cuda/step_state.h"
#include "core/loss.h"
#include "layers/cuda/device_batch_normalizations.h"
#include "layers/cuda/device_network.h"
#include "layers/step_plan.h"

namespace convoy {

/// Fills slices on the device.
class DeviceSource {
 public:
  virtual ~DeviceSource() = default;
  /// Queues samples [first, first + samples) of the global batch that `step` says, on the device: input [N,
  /// H, W, C] in the network's storage, ready for the first layer, and their labels.
  virtual void fill(const cuda::Stream& stream, const cuda::StepValues* step, std::int64_t first,
                    std::int64_t samples, void* input, std::int32_t* labels) const = 0;
};

/// Takes the slices' gradients; see GradientSink.
class DeviceSink {
 public:
  virtual ~DeviceSink() = default;
  /// Queues adding one slice's gradient of the arena's elements [offset, offset + n). `block`: whose.
  virtual void add(const cuda::Stream& stream, std::size_t block, std::int64_t offset, const float* gradient,
                   std::int64_t n) = 0;
  /// All of one slice's gradients of the block whose parameters begin at `offset` have been queued in the
  /// stream.
  virtual void passed(const cuda::Stream& stream, std::int64_t offset) = 0;
};

/// Queues training steps on a device: this rank's slices, forward and backward, segment by segment. Slices
/// take turns on some streams, which work side by side. Nothing is allocated, and the host waits for nothing
/// but what the collectives wait for, so that a step can be captured.
class DeviceExecutor {
 public:
  struct Options {
    std::int64_t slices = 1;         ///< of the global batch
    std::int64_t local_slices = 1;   ///< the most that this rank runs in a step
    std::int64_t slice_samples = 1;  ///< the most in one slice
    int streams = 1;                 ///< that slices run in
    SparseCategoricalCrossentropy loss;
  };

  /// What a step is made from and what it leaves, on the device; all must outlive the work that is queued.
  struct Step {
    const cuda::StepValues* values = nullptr;
    cuda::StepState* states = nullptr;  ///< one a rank; this rank's in its place
    cuda::StepReport* reports = nullptr;
    const float* parameters = nullptr;
    const float* statistics = nullptr;
    float* new_statistics = nullptr;
  };

  /// The network is planned for all sizes of slices that occur; it must outlive the executor, as must the
  /// collectives.
  DeviceExecutor(const DeviceNetwork& network, cuda::Collectives& collectives, const Options& options);
  ~DeviceExecutor();

  /// Queues a step behind what is queued in `main`; what is queued there afterwards begins when its gradients
  /// have gone to `sink`, its statistics have moved and its report is written but for the update's part.
  void queue(const cuda::Stream& main, const StepPlan& plan, const Step& step, const DeviceSource& source,
             DeviceSink& sink);

  std::size_t memory_bytes() const;

 private:
  struct Lane;   ///< a stream with what the slices that run in it share
  struct Slice;  ///< where a slice's tensors lie

  Slice slice_at(std::int64_t local_slice) const;
  Lane& lane_of(std::int64_t local_slice) const;
  void lay_out();
  std::byte* take(std::size_t bytes);
  template <class Work>
  void each_slice(const cuda::Stream& main, const StepPlan& plan, const Work& work);
  void forward(const StepPlan& plan, const Step& step, std::int64_t slice, std::size_t segment);
  void loss(const StepPlan& plan, std::int64_t slice);
  void backward(const StepPlan& plan, const Step& step, std::int64_t slice, std::size_t segment,
                DeviceSink& sink);
  cuda::DeviceSliceArgs slice_args(const StepPlan& plan, const Step& step, std::int64_t slice,
                                   std::size_t block, const float* const* operands) const;
  void gather(const cuda::Stream& stream, void* records, std::size_t width) const;
  void conclude(const cuda::Stream& main, const StepPlan& plan, const Step& step);

  const DeviceNetwork& network_;
  cuda::Collectives& collectives_;
  const Options options_;
  DeviceBatchNormalizations normalizations_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<cuda::DeviceMemory> contexts_;  ///< one a lane, or one a local slice where segments meet
  cuda::DeviceMemory losses_;                 ///< a SliceLoss a slice of the global batch
  cuda::Event begun_;

  // Where tensors lie in a context.
  std::size_t input_ = 0, labels_ = 0, sample_losses_ = 0, context_bytes_ = 0;
  std::vector<std::size_t> outputs_, saved_, grad_outputs_;
  std::size_t grad_input_ = 0, workspace_bytes_ = 0, gradient_elements_ = 0;
};

}  // namespace convoy
