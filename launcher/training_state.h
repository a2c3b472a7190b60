#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comm/gradient_reducer.h"
#include "comm/host_group.h"
#include "core/arena.h"
#include "core/optim/optimizer.h"
#include "launcher/safetensors.h"
#include "layers/model.h"

namespace convoy {

/// One whole state of training: weights, statistics, and the optimizer's moments. The moments fill a whole
/// arena, of which a rank touches only what it owns.
struct Generation {
  Generation(const Model& model, std::size_t slots);
  /// With its parameters in memory that must outlive it.
  Generation(const Model& model, std::size_t slots, std::span<float> parameters);

  std::span<float> parameters() { return parameters_; }
  std::span<const float> parameters() const { return parameters_; }
  std::span<float> statistics() { return statistics_.as<float>(); }
  std::span<const float> statistics() const { return statistics_.as<float>(); }
  std::span<float> slot(std::size_t i) { return slots_[i].as<float>(); }
  std::span<const float> slot(std::size_t i) const { return slots_[i].as<float>(); }

  /// Takes over the parameters and statistics of another generation of the same model.
  void copy_weights(const Generation& other);

 private:
  Arena own_parameters_;  ///< where they lie nowhere else
  std::span<float> parameters_;
  Arena statistics_;
  std::vector<Arena> slots_;
};

/// A generation's parameters and statistics as named tensors, views into it: "conv2d/kernel".
std::vector<StoredTensor> weights_of(const Model& model, const Generation& generation);
/// Throws CheckpointError for a tensor that is missing or has another shape.
void read_weights(const SafetensorsFile& file, const Model& model, Generation& generation);

/// The current generation, and the one that the step under way writes: a step that is not taken leaves
/// nothing behind.
class TrainingState {
 public:
  /// `slot_names`: the optimizer's moments. `hosts`: where the weights lie once for all ranks of a host;
  /// null: this rank has its own. The model must outlive the state.
  TrainingState(const Model& model, std::vector<std::string> slot_names,
                std::unique_ptr<HostGroup> hosts = nullptr);

  /// Null where the weights are this rank's own. Where they are not, one rank of a host (HostGroup::leads())
  /// writes them outside of steps, while no other reads them.
  HostGroup* hosts() const { return hosts_.get(); }
  std::size_t slot_count() const { return slot_names_.size(); }
  /// The first weights and statistics of a training. Collective.
  void initialize(std::uint64_t seed, Communicator& communicator);
  /// Puts a file's weights and statistics, read by rank 0, in their place. Collective. Throws AgreedError
  /// where the file does not hold them, or holds values that are not finite.
  void load_first_weights(const std::string& file, Communicator& communicator);
  /// Rank 0's current generation becomes everybody's. Collective.
  void broadcast(Communicator& communicator);

  Generation& current() { return *generations_[0]; }
  const Generation& current() const { return *generations_[0]; }
  Generation& next() { return *generations_[1]; }
  /// Makes the next generation the current one.
  void commit() { generations_[0].swap(generations_[1]); }

  /// Points an update of a part of the parameters from the current generation to the next; its gradient is
  /// left to the caller.
  void point(UpdateRange& update, const BucketPlan::Range& part);
  /// To be called by the rank that owns a range where a new weight is infinite or NaN: the first is NaN then,
  /// so all ranks learn of it with the gathered weights, without a message.
  void refuse_next(const BucketPlan::Range& owned);
  /// Whether no rank has refused the next generation's weights, once they are gathered, and its statistics
  /// are finite.
  bool next_is_finite(const BucketPlan& plan) const;

  /// The current generation's weights …
  std::vector<StoredTensor> weights() const { return weights_of(model_, current()); }
  /// … and moments ("conv2d/kernel/momentum"); whole only where this rank has gathered them.
  std::vector<StoredTensor> moments() const;
  /// Throw CheckpointError for a tensor that is missing or has another shape.
  void load_weights(const SafetensorsFile& file) { read_weights(file, model_, current()); }
  void load_moments(const SafetensorsFile& file);

  /// SHA-256 over all parameters, then all statistics, in the model's order.
  std::string weights_sha256() const;

 private:
  const Model& model_;
  std::vector<std::string> slot_names_;
  std::unique_ptr<HostGroup> hosts_;
  std::unique_ptr<Generation> generations_[2];
};

}  // namespace convoy
