#include "layers/cuda/device_network.h"

#include <utility>

namespace convoy {

DeviceNetwork::DeviceNetwork(const Model& model, cuda::Storage storage, const Make& make, Open open)
    : model_(model), storage_(storage), open_(std::move(open)) {
  for (std::span<const Op> rest(model.ops); !rest.empty();) {
    cuda::MadeKernel made = make(rest, storage);
    DeviceBlock block;
    block.ops = rest.first(made.ops);
    block.kernel_name = std::move(made.name);
    block.kernel = std::move(made.kernel);
    for (const Op& op : block.ops) {
      block.parameters.insert(block.parameters.end(), op.parameters.begin(), op.parameters.end());
      if (const auto* moments = std::get_if<BatchMomentsOp>(&op.kind)) block.moments = moments;
    }
    blocks_.push_back(std::move(block));
    rest = rest.subspan(made.ops);
  }
  segments_.push_back(0);
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i].moments && blocks_[i].moments->statistics == BatchMomentsOp::Statistics::batch)
      segments_.push_back(i + 1);
  segments_.push_back(blocks_.size());
  while (first_trainable_ < blocks_.size() && blocks_[first_trainable_].parameters.empty())
    ++first_trainable_;
}

void DeviceNetwork::plan(std::int64_t samples) {
  for (const DeviceBlock& block : blocks_) block.kernel->plan(samples);
}

void DeviceNetwork::prepare(const cuda::Stream& stream, const float* parameters) const {
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    blocks_[i].kernel->prepare(stream, operands(i, parameters).data());
}

std::vector<const float*> DeviceNetwork::operands(std::size_t block, const float* parameters) const {
  std::vector<const float*> operands;
  for (const ParameterRange& range : blocks_[block].parameters) operands.push_back(parameters + range.offset);
  return operands;
}

}  // namespace convoy
