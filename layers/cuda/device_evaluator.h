#pragma once

#include <memory>
#include <vector>

#include "core/cuda/memory.h"
#include "layers/cuda/device_network.h"
#include "layers/cuda/resident_dataset.h"
#include "layers/evaluator.h"
#include "layers/worker_pool.h"

namespace convoy {

/// Evaluates on a device: the host fills a group of slices while the device is at the one before, or the
/// device takes them from its own memory. Made and used where the device is the current one.
class DeviceEvaluator : public Evaluator {
 public:
  /// Plans the network for the slices of a split of `total` samples, which run in so many streams. Network
  /// and pool must outlive the evaluator; `visit` is called by the pool's threads.
  /// `resident`: the split itself on the device, worth it where it is evaluated again and again; run() then
  /// asks its source for nothing. Null: what the source fills travels.
  DeviceEvaluator(DeviceNetwork& network, WorkerPool& pool, std::int64_t total, int streams,
                  std::unique_ptr<const ResidentDataset> resident = nullptr);
  ~DeviceEvaluator() override;

  void run(std::int64_t first_slice, std::int64_t last_slice, const SliceSource& source,
           std::span<const float> parameters, std::span<const float> statistics, Visit visit) override;
  std::size_t memory_bytes() const override;
  Profiler& profiler() override { return profiler_; }

 private:
  struct Lane;   ///< a stream with what the slices that run in it share
  struct Group;  ///< slices that travel together

  void lay_out();
  void set_weights(std::span<const float> parameters, std::span<const float> statistics);
  void fill(Group& group, const SliceSource& source);
  void fill_labels(Group& group);
  void queue(Group& group);
  void bring(const Lane& lane, const Group& group, std::int64_t slice) const;
  void queue_slice(const Lane& lane, const Group& group, std::int64_t slice) const;
  void hand_out(Group& group, Visit visit);
  std::int64_t samples_of(std::int64_t slice) const;

  DeviceNetwork& network_;
  WorkerPool& pool_;
  std::int64_t total_;
  std::unique_ptr<const ResidentDataset> resident_;
  Profiler profiler_;
  cuda::Stream main_;
  cuda::Event begun_;
  cuda::DeviceMemory parameters_;
  std::vector<cuda::DeviceMemory>
      batch_values_;  ///< one a block: moving mean and variance where it normalizes
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<Group> groups_[2];

  // Where tensors lie in a lane's memory.
  std::vector<std::size_t> outputs_;
  std::size_t input_ = 0, context_bytes_ = 0, workspace_bytes_ = 0;
};

}  // namespace convoy
