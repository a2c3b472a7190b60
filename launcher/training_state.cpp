#include "launcher/training_state.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/sha256.h"
#include "launcher/agreement.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::span<const float> view(const ModelTensor& tensor, std::span<const float> arena) {
  return arena.subspan(index(tensor.offset), index(tensor.shape.elements()));
}
std::span<float> view(const ModelTensor& tensor, std::span<float> arena) {
  return arena.subspan(index(tensor.offset), index(tensor.shape.elements()));
}

void require_finite(const std::vector<StoredTensor>& tensors, const std::string& source) {
  for (const StoredTensor& tensor : tensors) {
    const std::span<const float> values(reinterpret_cast<const float*>(tensor.bytes.data()),
                                        tensor.bytes.size() / sizeof(float));
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
      throw CheckpointError("{}: '{}' holds values that are not finite", source, tensor.name);
  }
}

}  // namespace

Generation::Generation(const Model& model, std::size_t slots) : Generation(model, slots, std::span<float>()) {
  own_parameters_ = Arena(index(model.parameter_elements) * sizeof(float));
  parameters_ = own_parameters_.as<float>();
}

Generation::Generation(const Model& model, std::size_t slots, std::span<float> parameters)
    : parameters_(parameters), statistics_(index(model.statistics_elements) * sizeof(float)) {
  for (std::size_t i = 0; i < slots; ++i)
    slots_.emplace_back(index(model.parameter_elements) * sizeof(float));
}

void Generation::copy_weights(const Generation& other) {
  std::ranges::copy(other.parameters(), parameters().begin());
  std::ranges::copy(other.statistics(), statistics().begin());
}

std::vector<StoredTensor> weights_of(const Model& model, const Generation& generation) {
  std::vector<StoredTensor> tensors;
  for (const ModelTensor& tensor : model.parameters)
    tensors.push_back(
        stored_tensor(tensor.name, tensor.shape.extents(), view(tensor, generation.parameters())));
  for (const ModelTensor& tensor : model.statistics)
    tensors.push_back(
        stored_tensor(tensor.name, tensor.shape.extents(), view(tensor, generation.statistics())));
  return tensors;
}

void read_weights(const SafetensorsFile& file, const Model& model, Generation& generation) {
  for (const ModelTensor& tensor : model.parameters)
    file.read(tensor.name, tensor.shape.extents(), view(tensor, generation.parameters()));
  for (const ModelTensor& tensor : model.statistics)
    file.read(tensor.name, tensor.shape.extents(), view(tensor, generation.statistics()));
}

TrainingState::TrainingState(const Model& model, std::vector<std::string> slot_names,
                             std::unique_ptr<HostGroup> hosts)
    : model_(model), slot_names_(std::move(slot_names)), hosts_(std::move(hosts)) {
  for (int i = 0; i < HostGroup::kGenerations; ++i)
    generations_[i] = hosts_ ? std::make_unique<Generation>(model, slot_names_.size(), hosts_->weights(i))
                             : std::make_unique<Generation>(model, slot_names_.size());
}

void TrainingState::initialize(std::uint64_t seed, Communicator& communicator) {
  const bool writes = !hosts_ || hosts_->leads();
  convoy::initialize(model_, seed, writes ? current().parameters() : std::span<float>(),
                     current().statistics());
  if (hosts_) communicator.barrier();
}

void TrainingState::load_first_weights(const std::string& file, Communicator& communicator) {
  agree(communicator, [&] {
    if (communicator.rank() != 0) return;
    load_weights(SafetensorsFile(file));
    require_finite(weights(), file);
  });
  broadcast(communicator);
}

void TrainingState::broadcast(Communicator& communicator) {
  const auto to_all = [&](std::span<float> values) {
    communicator.broadcast(std::as_writable_bytes(values), 0);
  };
  if (hosts_)
    hosts_->broadcast(current().parameters(), communicator);
  else
    to_all(current().parameters());
  to_all(current().statistics());
  for (std::size_t i = 0; i < slot_names_.size(); ++i) to_all(current().slot(i));
}

void TrainingState::point(UpdateRange& update, const BucketPlan::Range& part) {
  const std::size_t begin = index(part.begin), count = index(part.end - part.begin);
  update.weights = current().parameters().subspan(begin, count);
  update.new_weights = next().parameters().subspan(begin, count);
  update.slots.clear();
  update.new_slots.clear();
  for (std::size_t i = 0; i < slot_names_.size(); ++i) {
    update.slots.push_back(current().slot(i).subspan(begin, count));
    update.new_slots.push_back(next().slot(i).subspan(begin, count));
  }
}

void TrainingState::refuse_next(const BucketPlan::Range& owned) {
  next().parameters()[index(owned.begin)] = std::numeric_limits<float>::quiet_NaN();
}

bool TrainingState::next_is_finite(const BucketPlan& plan) const {
  const auto finite = [](float value) { return std::isfinite(value); };
  const std::span<const float> weights = generations_[1]->parameters();
  for (const Bucket& bucket : plan.buckets()) {
    std::int64_t first = bucket.begin;
    for (const std::int64_t count : bucket.counts) {
      if (count > 0 && !finite(weights[index(first)])) return false;
      first += count;
    }
  }
  return std::ranges::all_of(generations_[1]->statistics(), finite);
}

std::vector<StoredTensor> TrainingState::moments() const {
  std::vector<StoredTensor> tensors;
  for (std::size_t i = 0; i < slot_names_.size(); ++i)
    for (const ModelTensor& tensor : model_.parameters)
      tensors.push_back(stored_tensor(tensor.name + "/" + slot_names_[i], tensor.shape.extents(),
                                      view(tensor, current().slot(i))));
  return tensors;
}

void TrainingState::load_moments(const SafetensorsFile& file) {
  for (std::size_t i = 0; i < slot_names_.size(); ++i)
    for (const ModelTensor& tensor : model_.parameters)
      file.read(tensor.name + "/" + slot_names_[i], tensor.shape.extents(), view(tensor, current().slot(i)));
}

std::string TrainingState::weights_sha256() const {
  Sha256 hash;
  for (const ModelTensor& tensor : model_.parameters)
    hash.update(std::as_bytes(view(tensor, current().parameters())));
  for (const ModelTensor& tensor : model_.statistics)
    hash.update(std::as_bytes(view(tensor, current().statistics())));
  return hash.hex();
}

}  // namespace convoy
