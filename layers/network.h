#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/backend.h"
#include "core/config/experiment_enums.h"
#include "core/cpu/backend.h"
#include "layers/model.h"

namespace convoy {

/// Consecutive ops computed by one kernel.
struct Block {
  std::span<const Op> ops;
  std::string provider;
  std::string kernel_name;
  std::unique_ptr<Kernel> kernel;
  std::vector<ParameterRange> parameters;   ///< of all its ops, in order; contiguous in the arena
  std::vector<const void*> operands;        ///< the parameters as the kernel reads them, once prepared
  std::vector<Arena> rounded;               ///< one a parameter; empty for those read where they lie
  const BatchMomentsOp* moments = nullptr;  ///< where the block is a batch normalization's first half
  const NormalizeOp* normalize = nullptr;   ///< or its second

  std::int64_t input_elements() const { return ops.front().input.elements(); }
  std::int64_t output_elements() const { return ops.back().output.elements(); }
  const std::string& layer_name() const { return ops.front().layer_name; }
};

/// A model compiled for a backend: a list of blocks, cut into segments where the whole global batch must
/// meet.
///
/// In Precision::bfloat16 the weights of convolutions and dense layers, the input, what one block hands to
/// the next and the gradients that go back are rounded to bfloat16. Products and sums of them are float32, as
/// are biases, batch normalizations' parameters and statistics, and the network's output.
class Network {
 public:
  using Precision = config::Precision;

  /// `forced` names a provider for some layers, for what it can compute of them. Throws ConfigError where
  /// that provider cannot compute what the layer begins with. The model and the backend must outlive the
  /// network.
  Network(const Model& model, const CpuBackend& backend,
          const std::map<std::string, std::string>& forced = {}, Precision precision = Precision::float32);

  const Model& model() const { return model_; }
  std::span<const Block> blocks() const { return blocks_; }

  /// Segment s is blocks [segments()[s], segments()[s + 1]).
  std::span<const std::size_t> segments() const { return segments_; }
  std::size_t segment_count() const { return segments_.size() - 1; }

  /// Lets the kernels prepare for slices of this many samples.
  void plan(std::int64_t samples);
  /// The sizes of slices that the kernels are prepared for.
  const std::set<std::int64_t>& planned() const { return planned_; }
  /// Shows a block's kernel the arena of parameters that the next slices use.
  void prepare(std::size_t block, std::span<const float> parameters, bool training);
  /// Run a block's kernel; see Kernel.
  void forward(std::size_t block, std::span<const ForwardArgs> slices) const;
  void backward(std::size_t block, std::span<const BackwardArgs> slices) const;
  /// Rounds what no block has computed: the input, and the gradient of the loss.
  void round(float* values, std::int64_t n) const;

  /// What the kernels keep of the weights for training: packed, or rounded.
  std::size_t packed_bytes() const;

 private:
  bool rounds() const { return precision_ == Precision::bfloat16; }

  const Model& model_;
  const simd::Table& loops_;
  Precision precision_;
  std::vector<Block> blocks_;
  std::vector<std::size_t> segments_;
  std::set<std::int64_t> planned_;
};

/// Where a slice's tensors lie. Training keeps every block's output for the backward pass; evaluation
/// alternates between two places.
struct MemoryPlan {
  /// For slices of up to `samples` samples; the network must be planned for that size and for each smaller
  /// one that is run, since a kernel may need more for fewer samples.
  MemoryPlan(const Network& network, std::int64_t samples, bool training);

  /// In the context of whoever runs the slice, or in a memory of the slice's own, which outlives the run.
  struct Place {
    bool own = false;
    std::size_t offset = 0;  ///< bytes
  };
  Place input, labels;
  std::vector<Place> outputs;       ///< one a block
  std::vector<Place> saved;         ///< one a block; training only
  std::vector<Place> grad_outputs;  ///< one a block; training only
  Place grad_input;                 ///< of the first block; training only
  std::size_t context_bytes = 0;
  std::size_t own_bytes = 0;

  std::size_t workspace_bytes = 0;               ///< the most that a block needs
  std::int64_t parameter_gradient_elements = 0;  ///< likewise, each parameter's place aligned

 private:
  Place take(std::size_t bytes, bool own = false);
  void lay_out(const Network& network, std::int64_t samples);
  void alternate(const Network& network, std::int64_t samples);
};

}  // namespace convoy
