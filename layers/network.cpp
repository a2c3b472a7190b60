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

}  // namespace

Network::Network(const Model& model, const CpuBackend& backend, const Forced& forced) : model_(model) {
  for (std::span<const Op> rest(model.ops); !rest.empty();) {
    const bool continues =
        !blocks_.empty() && blocks_.back().ops.back().layer_name == rest.front().layer_name;
    blocks_.push_back(make_block(rest, backend, forced, continues));
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

MemoryPlan::MemoryPlan(const Network& network, std::int64_t samples, bool training) {
  const auto take = [this](std::size_t size) {
    const std::size_t place = bytes;
    bytes += align_up(size);
    return place;
  };
  require(network.planned().contains(samples),
          "memory is laid out for slices that the network is planned for");
  const auto most = [&](const auto& need) {
    std::size_t need_of_all = 0;
    for (const std::int64_t size : network.planned())
      if (size <= samples) need_of_all = std::max(need_of_all, need(size));
    return align_up(need_of_all);
  };
  const auto blocks = network.blocks();
  std::size_t widest = tensor_bytes(samples, network.model().input.elements());
  for (const Block& block : blocks) {
    widest = std::max(widest, tensor_bytes(samples, block.output_elements()));
    workspace_bytes = std::max(workspace_bytes,
                               most([&](std::int64_t size) { return block.kernel->workspace_bytes(size); }));
    std::int64_t gradient = 0;
    for (const ParameterRange& range : block.parameters) gradient += (range.shape.elements() + 15) / 16 * 16;
    parameter_gradient_elements = std::max(parameter_gradient_elements, gradient);
  }
  input = take(tensor_bytes(samples, network.model().input.elements()));
  labels = take(static_cast<std::size_t>(samples) * sizeof(std::int32_t));
  std::array<std::size_t, 2> alternating{};
  for (std::size_t& place : alternating) place = take(widest);
  if (training) std::copy(alternating.begin(), alternating.end(), gradients);
  std::size_t current = input;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    // A block that only measures passes its input on.
    if (!blocks[i].moments)
      current = training                    ? take(tensor_bytes(samples, blocks[i].output_elements()))
                : current == alternating[0] ? alternating[1]
                                            : alternating[0];
    outputs.push_back(current);
    saved.push_back(
        training ? take(most([&](std::int64_t size) { return blocks[i].kernel->saved_bytes(size); })) : 0);
  }
}

}  // namespace convoy
