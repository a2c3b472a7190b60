#include "layers/network.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/arena.h"
#include "core/error.h"

namespace convoy {

namespace {

using Forced = std::map<std::string, std::string>;

std::optional<std::string> forced_provider(const Forced& forced, const Op& op) {
  const auto found = forced.find(op.layer_name);
  if (found == forced.end()) return std::nullopt;
  return found->second;
}

/// The leading ops that one block may take: up to the first layer that is forced to another provider.
std::span<const Op> block_candidates(std::span<const Op> ops, const Forced& forced) {
  const auto provider = forced_provider(forced, ops.front());
  const auto end = std::find_if(ops.begin() + 1, ops.end(),
                                [&](const Op& op) { return forced_provider(forced, op) != provider; });
  return forced.empty() ? ops : ops.first(static_cast<std::size_t>(end - ops.begin()));
}

/// `continues`: the first op is not the first of its layer.
Block make_block(std::span<const Op> ops, const CpuBackend& backend, const Forced& forced, bool continues) {
  const auto candidates = block_candidates(ops, forced);
  auto provider = forced_provider(forced, ops.front());
  // What follows in a layer, such as its activation, is left to others where its provider cannot do it.
  if (continues && provider && !backend.offers(*provider, candidates, DType::float32)) provider.reset();
  const auto choice = backend.select(candidates, DType::float32, provider);
  Block block;
  block.ops = ops.first(choice.offer.ops);
  block.provider = choice.provider->name();
  block.kernel_name = choice.offer.kernel;
  block.kernel = choice.provider->make(block.ops, DType::float32);
  for (const Op& op : block.ops) {
    block.parameters.insert(block.parameters.end(), op.parameters.begin(), op.parameters.end());
    if (const auto* moments = std::get_if<BatchMomentsOp>(&op.kind)) block.moments = moments;
    if (const auto* normalize = std::get_if<NormalizeOp>(&op.kind)) block.normalize = normalize;
  }
  return block;
}

std::size_t tensor_bytes(std::int64_t samples, std::int64_t elements) {
  return align_up(static_cast<std::size_t>(samples * elements) * sizeof(float));
}

std::size_t widest_tensor(const Network& network, std::int64_t samples) {
  std::size_t widest = tensor_bytes(samples, network.model().input.elements());
  for (const Block& block : network.blocks())
    widest = std::max(widest, tensor_bytes(samples, block.output_elements()));
  return widest;
}

/// The most bytes that `need` names for slices of up to `samples` samples.
template <class Need>
std::size_t most(const Network& network, std::int64_t samples, const Need& need) {
  std::size_t bytes = 0;
  for (const std::int64_t size : network.planned())
    if (size <= samples) bytes = std::max(bytes, need(size));
  return align_up(bytes);
}

/// Whether an op's first parameter is a factor of products with its input.
bool multiplies(const Op& op) {
  return std::holds_alternative<Conv2dOp>(op.kind) || std::holds_alternative<DenseOp>(op.kind);
}

/// Room for the rounded weights of a block.
std::vector<Arena> room_for_weights(const Block& block) {
  std::vector<Arena> rounded;
  for (const Op& op : block.ops)
    for (std::size_t p = 0; p < op.parameters.size(); ++p)
      rounded.push_back(p == 0 && multiplies(op) ? Arena(tensor_bytes(1, op.parameters[p].shape.elements()))
                                                 : Arena());
  return rounded;
}

}  // namespace

Network::Network(const Model& model, const CpuBackend& backend, const Forced& forced, Precision precision)
    : model_(model), loops_(backend.loops()), precision_(precision) {
  for (std::span<const Op> rest(model.ops); !rest.empty();) {
    const bool continues =
        !blocks_.empty() && blocks_.back().ops.back().layer_name == rest.front().layer_name;
    blocks_.push_back(make_block(rest, backend, forced, continues));
    if (rounds()) blocks_.back().rounded = room_for_weights(blocks_.back());
    rest = rest.subspan(blocks_.back().ops.size());
  }
  segments_.push_back(0);
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i].moments && blocks_[i].moments->statistics == BatchMomentsOp::Statistics::batch)
      segments_.push_back(i + 1);
  segments_.push_back(blocks_.size());
}

void Network::plan(std::int64_t samples) {
  for (Block& block : blocks_) block.kernel->plan(samples);
  planned_.insert(samples);
}

void Network::prepare(std::size_t i, std::span<const float> parameters, bool training) {
  Block& block = blocks_[i];
  block.operands.clear();
  for (std::size_t p = 0; p < block.parameters.size(); ++p) {
    const ParameterRange& range = block.parameters[p];
    const float* values = parameters.data() + range.offset;
    if (rounds() && block.rounded[p].size() > 0) {
      float* rounded = block.rounded[p].as<float>().data();
      loops_.round_to_bfloat16(values, static_cast<std::size_t>(range.shape.elements()), rounded);
      values = rounded;
    }
    block.operands.push_back(values);
  }
  block.kernel->prepare(block.operands.data(), training);
}

void Network::forward(std::size_t i, std::span<const ForwardArgs> slices) const {
  const Block& block = blocks_[i];
  block.kernel->forward_all(slices);
  if (block.moments || i + 1 == blocks_.size()) return;
  for (const ForwardArgs& args : slices)
    round(static_cast<float*>(args.output), args.samples * block.output_elements());
}

void Network::backward(std::size_t i, std::span<const BackwardArgs> slices) const {
  const Block& block = blocks_[i];
  block.kernel->backward_all(slices);
  if (block.normalize) return;  // the other half of its gradient comes from the block before
  for (const BackwardArgs& args : slices)
    if (args.grad_input) round(static_cast<float*>(args.grad_input), args.samples * block.input_elements());
}

void Network::round(float* values, std::int64_t n) const {
  if (rounds()) loops_.round_to_bfloat16(values, static_cast<std::size_t>(n), values);
}

std::size_t Network::packed_bytes() const {
  std::size_t bytes = 0;
  for (const Block& block : blocks_) {
    bytes += block.kernel->packed_bytes();
    for (const Arena& rounded : block.rounded) bytes += rounded.size();
  }
  return bytes;
}

MemoryPlan::MemoryPlan(const Network& network, std::int64_t samples, bool training) {
  require(network.planned().contains(samples),
          "memory is laid out for slices that the network is planned for");
  for (const Block& block : network.blocks()) {
    workspace_bytes = std::max(workspace_bytes, most(network, samples, [&](std::int64_t size) {
                                 return block.kernel->workspace_bytes(size);
                               }));
    std::int64_t gradient = 0;
    for (std::size_t p = block.kernel->defers_weight_gradient() ? 1 : 0; p < block.parameters.size(); ++p)
      gradient += (block.parameters[p].shape.elements() + 15) / 16 * 16;
    parameter_gradient_elements = std::max(parameter_gradient_elements, gradient);
  }
  labels = take(static_cast<std::size_t>(samples) * sizeof(std::int32_t));
  if (training)
    lay_out(network, samples);
  else
    alternate(network, samples);
}

MemoryPlan::Place MemoryPlan::take(std::size_t bytes, bool own) {
  std::size_t& end = own ? own_bytes : context_bytes;
  const Place place{own, end};
  end += align_up(bytes);
  return place;
}

void MemoryPlan::lay_out(const Network& network, std::int64_t samples) {
  const auto blocks = network.blocks();
  // What a weight gradient is formed from must last until all slices have passed.
  const auto deferred = [&](std::size_t i) {
    return i < blocks.size() && blocks[i].kernel->defers_weight_gradient();
  };
  input = take(tensor_bytes(samples, network.model().input.elements()), deferred(0));
  const std::size_t widest = widest_tensor(network, samples);
  const std::array<Place, 2> alternating{take(widest), take(widest)};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const std::size_t output = tensor_bytes(samples, blocks[i].output_elements());
    // A block that only measures passes its input on.
    outputs.push_back(!blocks[i].moments ? take(output, deferred(i + 1)) : i == 0 ? input : outputs.back());
    saved.push_back(
        take(most(network, samples, [&](std::int64_t size) { return blocks[i].kernel->saved_bytes(size); })));
    grad_outputs.push_back(deferred(i) ? take(output, true) : alternating[(blocks.size() - i) % 2]);
  }
  grad_input = alternating[(blocks.size() + 1) % 2];
}

void MemoryPlan::alternate(const Network& network, std::int64_t samples) {
  input = take(tensor_bytes(samples, network.model().input.elements()));
  const std::size_t widest = widest_tensor(network, samples);
  const std::array<Place, 2> alternating{take(widest), take(widest)};
  std::size_t next = 0;
  Place current = input;
  for (const Block& block : network.blocks()) {
    if (!block.moments) current = alternating[next++ % 2];
    outputs.push_back(current);
  }
  saved.resize(outputs.size());
}

}  // namespace convoy
