#pragma once

#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "comm/nccl/device_reducer.h"
#include "core/cuda/graph.h"
#include "core/data/input_pipeline.h"
#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "launcher/cuda/device_feed.h"
#include "launcher/rank_meeting.h"
#include "launcher/stepper.h"
#include "launcher/training_state.h"
#include "launcher/watchdog.h"
#include "layers/cuda/device_executor.h"

namespace convoy {

/// Steps on a GPU. The state lives on the device; the host has a copy of it after load() or fetch(). A step
/// is captured once for each size of a batch and then launched as a whole, where all that ranks exchange can
/// be captured.
class DeviceStepper : public Stepper {
 public:
  struct Options {
    BatchPlan::Options batches;
    SparseCategoricalCrossentropy loss;
    std::variant<AdamOptions, SgdOptions> optimizer;
    LearningRate learning_rate;
    std::optional<double> global_clipnorm{};
    bool exact = true;  ///< what travels are integers
    std::optional<std::int64_t> bucket_bytes{};
    int streams = 16;              ///< that slices run in
    double resident_part = 0.25;   ///< of the free memory that the data set may take, to stay on the device
    Watchdog* watchdog = nullptr;  ///< told of progress, if any
  };

  /// The network, pipeline, pool and state must outlive the stepper, which is made and used where the device
  /// is the current one. Collective.
  DeviceStepper(DeviceNetwork& network, const InputPipeline& pipeline, WorkerPool& pool, TrainingState& state,
                Communicator& communicator, std::unique_ptr<cuda::Collectives> collectives,
                const Options& options);
  ~DeviceStepper() override;

  void take(std::int64_t first, std::span<StepResult> results) override;
  std::int64_t steps_at_once() const override;
  void request(std::uint32_t bits) override { request_ = bits; }
  void load() override;
  void fetch_weights() override;
  void fetch_moments() override;
  const BatchPlan& batches() const override { return batches_; }
  Profiler& profiler() override { return profiler_; }
  std::size_t memory_bytes() const override;

  /// Whether the data set stays on the device.
  bool data_is_resident() const { return feed_->resident(); }
  /// Kernels, copies and exchanges of a whole step, where it is captured; 0 before the first.
  std::size_t nodes() const { return graphs_.empty() ? 0 : graphs_.begin()->second.nodes(); }

 private:
  class Sink;
  /// Weights and moments as they are, or as a step makes them.
  struct DeviceState {
    DeviceState(const Model& model, std::size_t slots);
    cuda::DeviceMemory parameters, statistics;
    std::vector<cuda::DeviceMemory> slots;
  };

  StepPlan plan_of(std::int64_t samples) const;
  cuda::StepValues values_of(std::int64_t number, std::int64_t report) const;
  void queue(std::int64_t samples);
  void update();
  void commit();
  void wait();
  StepResult result_of(std::int64_t number, const cuda::StepReport& report) const;

  DeviceNetwork& network_;
  TrainingState& state_;
  Options options_;
  BatchPlan batches_;
  IndexRange own_slices_;
  std::unique_ptr<Communicator> communicator_;
  RankMeeting requests_;
  Profiler profiler_;

  cuda::Stream main_;
  DeviceState current_, next_;
  cuda::DeviceMemory values_, states_, reports_;
  cuda::PinnedMemory pinned_values_, pinned_reports_;
  DeviceReducer reducer_;
  DeviceExecutor executor_;
  std::unique_ptr<DeviceFeed> feed_;  ///< behind all that a step needs: it takes of what is left
  std::map<std::int64_t, cuda::Graph, std::greater<>>
      graphs_;  ///< by the batch's samples, the whole batch's first
  std::uint32_t request_ = 0;
  /// Ends first: an exchange that waits for a rank which has failed is given up before the memory that it
  /// works on goes.
  std::unique_ptr<cuda::Collectives> collectives_;
};

}  // namespace convoy
