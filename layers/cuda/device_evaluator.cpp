#include "layers/cuda/device_evaluator.h"

#include <algorithm>
#include <utility>

#include "core/cuda/kernels/layout.h"
#include "core/cuda/storage.h"
#include "core/error.h"

namespace convoy {

namespace {

/// Slices that travel together: their pictures are enough for the device to be busy while the next ones are
/// filled.
constexpr std::int64_t kSlicesAtOnce = 64;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::size_t aligned(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

struct DeviceEvaluator::Lane {
  cuda::Stream stream;
  cuda::Event done;
  cuda::DeviceMemory context, workspace;
};

struct DeviceEvaluator::Group {
  /// `elements`: of a picture; 0 where pictures do not travel.
  Group(std::int64_t elements, std::int64_t classes)
      : pinned_pictures(index(kSlicesAtOnce * kEvaluationSlice * elements) * sizeof(float)),
        pinned_outputs(index(kSlicesAtOnce * kEvaluationSlice * classes) * sizeof(float)),
        labels(index(kSlicesAtOnce * kEvaluationSlice)),
        pictures(pinned_pictures.size()),
        outputs(pinned_outputs.size()) {}

  cuda::PinnedMemory pinned_pictures, pinned_outputs;
  std::vector<std::int32_t> labels;
  cuda::DeviceMemory pictures, outputs;
  cuda::Event done;
  std::int64_t first = 0, last = 0;  ///< slices; none: empty
};

DeviceEvaluator::DeviceEvaluator(DeviceNetwork& network, WorkerPool& pool, std::int64_t total, int streams,
                                 std::unique_ptr<const ResidentDataset> resident)
    : network_(network),
      pool_(pool),
      total_(total),
      resident_(std::move(resident)),
      profiler_(pool.workers(), network.blocks().size()),
      parameters_(index(network.model().parameter_elements) * sizeof(float)),
      batch_values_(network.blocks().size()) {
  require(!resident_ || resident_->size() == total, "a split that is on the device is the one to evaluate");
  for (const std::int64_t samples : {std::min(total, kEvaluationSlice), total % kEvaluationSlice})
    if (samples > 0) network.plan(samples);
  for (std::size_t i = 0; i < network.blocks().size(); ++i)
    if (network.blocks()[i].moments)  // NormalizeOp's, the block behind
      batch_values_[i + 1] = cuda::DeviceMemory(
          2 * index(network.blocks()[i].ops.front().statistics.front().shape.elements()) * sizeof(double));
  lay_out();
  for (int i = 0; i < streams; ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    network.open(lanes_.back()->stream);
    lanes_.back()->context = cuda::DeviceMemory(context_bytes_);
    lanes_.back()->workspace = cuda::DeviceMemory(workspace_bytes_);
  }
  const Model& model = network.model();
  for (auto& group : groups_)
    group = std::make_unique<Group>(resident_ ? 0 : model.input.elements(), model.output.elements());
}

DeviceEvaluator::~DeviceEvaluator() = default;

/// Outputs alternate between two places.
void DeviceEvaluator::lay_out() {
  const auto tensor = [&](std::int64_t elements) {
    return aligned(index(kEvaluationSlice * elements) * cuda::size_of(network_.storage()));
  };
  std::size_t widest = 0;
  for (const DeviceBlock& block : network_.blocks()) {
    widest = std::max(widest, tensor(block.output_elements()));
    workspace_bytes_ = std::max(workspace_bytes_, block.kernel->workspace_bytes(kEvaluationSlice));
  }
  input_ = 0;
  const std::size_t places[] = {tensor(network_.model().input.elements()),
                                tensor(network_.model().input.elements()) + widest};
  context_bytes_ = places[1] + widest;
  std::size_t next = 0, current = input_;
  for (const DeviceBlock& block : network_.blocks()) {
    if (!block.moments) current = places[next++ % 2];
    outputs_.push_back(current);
  }
}

std::size_t DeviceEvaluator::memory_bytes() const {
  std::size_t bytes = lanes_.size() * (context_bytes_ + workspace_bytes_);
  for (const auto& group : groups_) bytes += group->pictures.size() + group->outputs.size();
  if (resident_) bytes += resident_->memory_bytes();
  return bytes;
}

std::int64_t DeviceEvaluator::samples_of(std::int64_t slice) const {
  return std::min(kEvaluationSlice, total_ - slice * kEvaluationSlice);
}

void DeviceEvaluator::set_weights(std::span<const float> parameters, std::span<const float> statistics) {
  cuda::upload(parameters_.data(), std::as_bytes(parameters));
  for (std::size_t i = 0; i < network_.blocks().size(); ++i) {
    if (!network_.blocks()[i].moments) continue;
    std::vector<double> values;
    for (const ParameterRange& range : network_.blocks()[i].ops.front().statistics) {
      const auto moving = statistics.subspan(index(range.offset), index(range.shape.elements()));
      values.insert(values.end(), moving.begin(), moving.end());
    }
    cuda::upload(batch_values_[i + 1].data(), std::as_bytes(std::span(values)));
  }
  network_.prepare(main_, parameters_.as<float>());
}

void DeviceEvaluator::run(std::int64_t first_slice, std::int64_t last_slice, const SliceSource& source,
                          std::span<const float> parameters, std::span<const float> statistics, Visit visit) {
  set_weights(parameters, statistics);
  Group* before = nullptr;
  std::size_t turn = 0;
  for (std::int64_t first = first_slice; first < last_slice; first += kSlicesAtOnce) {
    Group& group = *groups_[turn++ % 2];
    group.first = first;
    group.last = std::min(first + kSlicesAtOnce, last_slice);
    if (resident_)
      fill_labels(group);
    else
      fill(group, source);
    queue(group);
    if (before) hand_out(*before, visit);
    before = &group;
  }
  if (before) hand_out(*before, visit);
}

void DeviceEvaluator::fill(Group& group, const SliceSource& source) {
  const std::int64_t elements = network_.model().input.elements();
  pool_.run(group.last - group.first, [&](int worker, std::int64_t item) {
    const std::int64_t slice = group.first + item, place = item * kEvaluationSlice;
    profiler_.time(worker, Piece::input, 0, [&] {
      source.fill(slice * kEvaluationSlice, samples_of(slice),
                  group.pinned_pictures.as<float>().data() + place * elements, group.labels.data() + place);
    });
  });
}

void DeviceEvaluator::fill_labels(Group& group) {
  const auto labels = resident_->labels().subspan(index(group.first * kEvaluationSlice));
  std::copy_n(labels.begin(), std::min(labels.size(), group.labels.size()), group.labels.begin());
}

void DeviceEvaluator::queue(Group& group) {
  const std::int64_t classes = network_.model().output.elements();
  const std::int64_t samples = (group.last - 1 - group.first) * kEvaluationSlice + samples_of(group.last - 1);
  if (!resident_)
    cuda::copy_to_device(main_, group.pictures.data(), group.pinned_pictures.data(),
                         index(samples * network_.model().input.elements()) * sizeof(float));
  begun_.record(main_);
  for (const auto& lane : lanes_) lane->stream.wait(begun_);
  for (std::int64_t slice = group.first; slice < group.last; ++slice)
    queue_slice(*lanes_[index(slice) % lanes_.size()], group, slice);
  for (const auto& lane : lanes_) {
    lane->done.record(lane->stream);
    main_.wait(lane->done);
  }
  cuda::copy_to_host(main_, group.pinned_outputs.data(), group.outputs.data(),
                     index(samples * classes) * sizeof(float));
  group.done.record(main_);
}

/// A slice's pictures to where its lane begins.
void DeviceEvaluator::bring(const Lane& lane, const Group& group, std::int64_t slice) const {
  void* input = lane.context.data() + input_;
  const std::int64_t samples = samples_of(slice), elements = network_.model().input.elements();
  if (resident_)
    resident_->fill_evaluation(lane.stream, network_.storage(), slice * kEvaluationSlice, samples, input);
  else
    cuda::store(lane.stream, network_.storage(), samples * elements,
                group.pictures.as<float>() + (slice - group.first) * kEvaluationSlice * elements, input);
}

void DeviceEvaluator::queue_slice(const Lane& lane, const Group& group, std::int64_t slice) const {
  const std::int64_t place = (slice - group.first) * kEvaluationSlice, samples = samples_of(slice);
  const std::int64_t classes = network_.model().output.elements();
  const auto at = [&](std::size_t offset) { return static_cast<void*>(lane.context.data() + offset); };
  bring(lane, group, slice);
  for (std::size_t i = 0; i < network_.blocks().size(); ++i) {
    if (network_.blocks()[i].moments) continue;  // measures what evaluation does not use
    const std::vector<const float*> operands = network_.operands(i, parameters_.as<float>());
    cuda::DeviceForwardArgs args;
    args.samples = samples;
    args.parameters = operands.data();
    args.batch_values = batch_values_[i].as<double>();
    args.input = at(i == 0 ? input_ : outputs_[i - 1]);
    args.output = at(outputs_[i]);
    args.workspace = lane.workspace.data();
    network_.blocks()[i].kernel->forward(lane.stream, args);
  }
  cuda::widen(lane.stream, network_.storage(), samples * classes, at(outputs_.back()),
              group.outputs.as<float>() + place * classes);
}

void DeviceEvaluator::hand_out(Group& group, Visit visit) {
  profiler_.time(0, Piece::forward, 0, [&] { group.done.synchronize(); });
  const std::int64_t classes = network_.model().output.elements();
  pool_.run(group.last - group.first, [&](int worker, std::int64_t item) {
    const std::int64_t slice = group.first + item, place = item * kEvaluationSlice;
    EvaluatedSlice result;
    result.first = slice * kEvaluationSlice;
    result.samples = samples_of(slice);
    result.output =
        group.pinned_outputs.as<float>().subspan(index(place * classes), index(result.samples * classes));
    result.labels = std::span(group.labels).subspan(index(place), index(result.samples));
    profiler_.time(worker, Piece::loss, 0, [&] { visit(slice, result); });
  });
}

}  // namespace convoy
