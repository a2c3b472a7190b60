#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/ops.h"

namespace convoy {

/// Where a slice stands in the run: the counter of its random draws.
struct RandomPoint {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::int64_t first_position = 0;  ///< of the slice's first sample in the global batch
};

/// What a kernel is given for one slice. Tensors are dense, samples outermost; their element type is the one
/// that the kernel was made for. All pointers are aligned to kAlignment (the batch inside a buffer is not
/// padded).
struct SliceArgs {
  std::int64_t samples = 0;
  bool training = false;
  RandomPoint random;
  const void* const* parameters = nullptr;  ///< the ops' parameters, in order
  const double* batch_values = nullptr;     ///< see BatchMomentsOp
  const void* input = nullptr;
  void* saved = nullptr;      ///< saved_bytes(samples), kept from forward to backward
  void* workspace = nullptr;  ///< workspace_bytes(samples), the worker's own
};

struct ForwardArgs : SliceArgs {
  void* output = nullptr;
  double* record = nullptr;  ///< forward_record() doubles
};

struct BackwardArgs : SliceArgs {
  const void* output = nullptr;
  void* grad_output = nullptr;             ///< may be overwritten
  void* grad_input = nullptr;              ///< written; null where nobody needs it
  void* const* grad_parameters = nullptr;  ///< written (not added to): the slice's gradient of each parameter
  double* record = nullptr;                ///< backward_record() doubles
};

/// Weights seen as a matrix, whose columns are the last axis, and whose rows (all other axes) fall into equal
/// groups: some rows of each group, and some columns.
struct WeightGradientPart {
  std::int64_t first_row = 0, last_row = 0;  ///< of a group
  std::int64_t first_column = 0, last_column = 0;

  std::int64_t rows() const { return last_row - first_row; }
  std::int64_t columns() const { return last_column - first_column; }
};

/// The parts that a weight gradient is best formed in.
struct WeightGradientParts {
  std::int64_t groups = 1;
  std::int64_t rows = 1, columns = 1;  ///< of a part, at most
};

/// What a block's weight gradient is formed from after the backward pass, and where its sum goes.
struct WeightGradientArgs {
  struct Slice {
    std::int64_t samples = 0;
    const void* input = nullptr;        ///< as it was in forward()
    const void* grad_output = nullptr;  ///< as backward() left it
  };
  std::span<const Slice> slices;
  WeightGradientPart part;
  float limit = 0;            ///< of a slice's elements; see GradientSink
  void* workspace = nullptr;  ///< workspace_bytes() of any size of a slice
  std::int64_t* sum =
      nullptr;  ///< written: the exact sum over the slices, [groups, rows, columns] of the part
};

/// A block of one or more consecutive ops, compiled for shapes and an element type. Single-threaded; forward
/// and backward may run in several threads at once, each with arguments of its own. The bits of a slice's
/// result depend on the arguments' values and `samples` alone.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// Prepares for slices of this many samples; called before the first of them, from one thread.
  virtual void plan(std::int64_t /*samples*/) {}
  /// Called once after the parameters have changed, before any slice, from one thread: the place to pack
  /// weights.
  virtual void prepare(const void* const* /*parameters*/, bool /*training*/) {}

  virtual std::size_t saved_bytes(std::int64_t /*samples*/) const { return 0; }
  virtual std::size_t workspace_bytes(std::int64_t /*samples*/) const { return 0; }
  /// What the kernel itself keeps for training: packed weights.
  virtual std::size_t packed_bytes() const { return 0; }
  /// Doubles that each slice contributes to the meeting of the whole batch after this block; 0: no meeting.
  virtual std::size_t forward_record() const { return 0; }
  virtual std::size_t backward_record() const { return 0; }

  virtual void forward(const ForwardArgs& args) const = 0;
  virtual void backward(const BackwardArgs& args) const = 0;

  /// How many samples, of several slices, one call is best given where reading the weights costs more than
  /// they are worth for a slice; 0: a slice at a time.
  virtual std::int64_t samples_at_once() const { return 0; }
  /// The same for some slices, at most so many that samples_at_once() are exceeded in the last: each slice's
  /// results have the bits that forward() and backward() give. All have one workspace.
  virtual void forward_all(std::span<const ForwardArgs> slices) const {
    for (const ForwardArgs& args : slices) forward(args);
  }
  virtual void backward_all(std::span<const BackwardArgs> slices) const {
    for (const BackwardArgs& args : slices) backward(args);
  }

  /// Whether backward() leaves the gradient of the first parameter (null in grad_parameters) to
  /// sum_weight_gradients(), called when all local slices have passed: a large matrix is then summed over the
  /// slices part by part in the cache, and never stored for one slice.
  virtual bool defers_weight_gradient() const { return false; }
  virtual WeightGradientParts weight_gradient_parts() const { return {}; }
  /// False, without a meaning for the sum, where an element is not finite or not below the limit.
  virtual bool sum_weight_gradients(const WeightGradientArgs& /*args*/) const { return true; }
};

/// A way to compute some blocks: hand-written loops, oneDNN, OpenBLAS, …
class Provider {
 public:
  /// `ops` leading ops computed as one block. `merit` compares offers: a pure function of ops, shapes,
  /// element type and instruction set, never of a timing, ranks or threads.
  struct Offer {
    std::size_t ops = 0;
    double merit = 0;
    std::string kernel;  ///< for people: "im2col + sgemm"
  };

  virtual ~Provider() = default;
  virtual std::string_view name() const = 0;
  virtual std::optional<Offer> offer(std::span<const Op> ops, DType type) const = 0;
  /// The kernel for a block that offer() named.
  virtual std::unique_ptr<Kernel> make(std::span<const Op> block, DType type) const = 0;
};

}  // namespace convoy
