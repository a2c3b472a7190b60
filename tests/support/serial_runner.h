#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "core/arena.h"
#include "core/backend.h"
#include "core/cpu/reference/provider.h"
#include "layers/batch_statistics.h"
#include "layers/model.h"

namespace convoy::testing {

/// Doubles that start where a kernel's tensors must.
class AlignedDoubles {
 public:
  AlignedDoubles() = default;
  explicit AlignedDoubles(std::int64_t count)
      : size_(static_cast<std::size_t>(count)), lines_(size_ / kLine + 1) {}
  explicit AlignedDoubles(std::span<const double> values)
      : AlignedDoubles(static_cast<std::int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), data());
  }
  double* data() { return lines_.front().data(); }
  const double* data() const { return lines_.front().data(); }
  std::vector<double> values() const { return {data(), data() + size_}; }

 private:
  static constexpr std::size_t kLine = kAlignment / sizeof(double);
  struct alignas(kAlignment) Line : std::array<double, kLine> {};

  std::size_t size_ = 0;
  std::vector<Line> lines_;
};

/// What a model computed for one global batch.
struct SerialResult {
  std::vector<std::vector<double>> outputs;      ///< one a slice
  std::vector<std::vector<double>> grad_inputs;  ///< one a slice; training only
  std::vector<double> grad_parameters;           ///< the arena's, summed over the slices; training only
  std::vector<std::vector<std::vector<double>>> op_outputs;  ///< one a slice and an op
};

/// A model's ops one after the other by the reference loops in double: the plainest reading of core/ops.h.
/// Each slice of the global batch is a vector of [samples, input]; batch normalizations meet between their
/// two ops.
class SerialRunner {
 public:
  explicit SerialRunner(const Model& model) : model_(model) {
    const auto provider = make_reference_provider();
    for (const Op& op : model.ops) kernels_.push_back(provider->make({&op, 1}, DType::float64));
  }

  SerialResult evaluate(std::span<const double> parameters, std::span<const double> statistics,
                        const std::vector<std::vector<double>>& inputs) const {
    Run run(*this, parameters, statistics, inputs, false);
    run.forward();
    return run.take();
  }

  /// `grad_outputs`: the loss's gradient with respect to each slice's output; none: only forward.
  SerialResult train(std::span<const double> parameters, const std::vector<std::vector<double>>& inputs,
                     const std::vector<std::vector<double>>& grad_outputs) const {
    Run run(*this, parameters, {}, inputs, true);
    run.forward();
    if (!grad_outputs.empty()) run.backward(grad_outputs);
    return run.take();
  }

 private:
  struct Slice {
    std::int64_t samples = 0;
    std::int64_t first = 0;
    std::vector<AlignedDoubles> tensors;  ///< the input, then every op's output
    std::vector<AlignedDoubles> saved;    ///< one an op
    AlignedDoubles gradient;
    std::vector<std::vector<double>> values;  ///< one an op: batch_values
    std::vector<double> record;
  };

  class Run {
   public:
    Run(const SerialRunner& runner, std::span<const double> parameters, std::span<const double> statistics,
        const std::vector<std::vector<double>>& inputs, bool training)
        : runner_(runner),
          model_(runner.model_),
          parameters_(parameters),
          statistics_(statistics),
          training_(training) {
      std::int64_t first = 0;
      for (const auto& input : inputs) {
        Slice slice;
        slice.samples = static_cast<std::int64_t>(input.size()) / model_.input.elements();
        slice.first = first;
        first += slice.samples;
        slice.tensors.emplace_back(input);
        slice.values.resize(model_.ops.size());
        slices_.push_back(std::move(slice));
      }
      result_.grad_parameters.resize(static_cast<std::size_t>(model_.parameter_elements));
    }

    void forward() {
      for (std::size_t i = 0; i < model_.ops.size(); ++i) {
        const Op& op = model_.ops[i];
        if (const auto* moments = std::get_if<BatchMomentsOp>(&op.kind); moments && !training_) use_moving(i);
        for (Slice& slice : slices_) forward(i, slice);
        if (const auto* moments = std::get_if<BatchMomentsOp>(&op.kind); moments && training_)
          meet(i, *moments);
      }
      for (Slice& slice : slices_) {
        result_.outputs.push_back(slice.tensors.back().values());
        auto& of_ops = result_.op_outputs.emplace_back();
        for (std::size_t i = 0; i < model_.ops.size(); ++i) of_ops.push_back(slice.tensors[i + 1].values());
      }
    }

    void backward(const std::vector<std::vector<double>>& grad_outputs) {
      for (std::size_t s = 0; s < slices_.size(); ++s) slices_[s].gradient = AlignedDoubles(grad_outputs[s]);
      for (std::size_t i = model_.ops.size(); i-- > 0;) {
        for (Slice& slice : slices_) backward(i, slice);
        if (std::holds_alternative<NormalizeOp>(model_.ops[i].kind)) meet_backward(i);
      }
      for (Slice& slice : slices_) result_.grad_inputs.push_back(slice.gradient.values());
    }

    SerialResult take() { return std::move(result_); }

   private:
    /// The moments' values serve the normalization behind them too.
    void use_moving(std::size_t i) {
      for (Slice& slice : slices_) {
        for (const ParameterRange& range : model_.ops[i].statistics) {
          const auto moving = statistics_.subspan(static_cast<std::size_t>(range.offset),
                                                  static_cast<std::size_t>(range.shape.elements()));
          slice.values[i].insert(slice.values[i].end(), moving.begin(), moving.end());
        }
        slice.values[i + 1] = slice.values[i];
      }
    }

    void meet(std::size_t i, const BatchMomentsOp& moments) {
      const std::int64_t channels = model_.ops[i].input[model_.ops[i].input.rank() - 1];
      std::vector<double> all;
      for (const Slice& slice : slices_) all.insert(all.end(), slice.record.begin(), slice.record.end());
      for (Slice& slice : slices_) {
        slice.values[i].resize(static_cast<std::size_t>(2 * channels));
        const bool whole = moments.statistics == BatchMomentsOp::Statistics::batch;
        combine_moments(whole ? std::span<const double>(all) : slice.record, channels, slice.values[i]);
        slice.values[i + 1] = slice.values[i];
      }
    }

    void meet_backward(std::size_t i) {
      const Op& op = model_.ops[i];
      const std::int64_t channels = op.input[op.input.rank() - 1];
      const auto& moments = std::get<BatchMomentsOp>(model_.ops[i - 1].kind);
      const auto count_of = [&](const Slice& slice) {
        return static_cast<double>(slice.samples * op.input.elements() / channels);
      };
      std::vector<double> all;
      double count = 0;
      for (const Slice& slice : slices_) {
        all.insert(all.end(), slice.record.begin(), slice.record.end());
        count += count_of(slice);
      }
      for (Slice& slice : slices_) {
        std::vector<double> means(static_cast<std::size_t>(2 * channels));
        const bool whole = moments.statistics == BatchMomentsOp::Statistics::batch;
        combine_gradient_sums(whole ? std::span<const double>(all) : slice.record, channels,
                              whole ? count : count_of(slice), means);
        auto& values = slice.values[i - 1];
        values.insert(values.end(), means.begin(), means.end());
      }
    }

    void prepare(std::size_t i, Slice& slice, SliceArgs& args, std::vector<const void*>& views) {
      for (const ParameterRange& range : model_.ops[i].parameters)
        views.push_back(parameters_.data() + range.offset);
      args.samples = slice.samples;
      args.training = training_;
      args.random = {7, 3, slice.first};
      args.parameters = views.data();
      args.batch_values = slice.values[i].data();
      args.input = slice.tensors[i].data();
      args.saved = slice.saved[i].data();
    }

    void forward(std::size_t i, Slice& slice) {
      Kernel& kernel = *runner_.kernels_[i];
      kernel.plan(slice.samples);
      AlignedDoubles workspace(
          static_cast<std::int64_t>(kernel.workspace_bytes(slice.samples) / sizeof(double)));
      slice.saved.emplace_back(static_cast<std::int64_t>(kernel.saved_bytes(slice.samples) / sizeof(double)));
      AlignedDoubles output(slice.samples * model_.ops[i].output.elements());
      slice.record.assign(kernel.forward_record(), 0.0);
      ForwardArgs args;
      std::vector<const void*> views;
      prepare(i, slice, args, views);
      kernel.prepare(views.data(), training_);
      args.workspace = workspace.data();
      args.output = output.data();
      args.record = slice.record.data();
      kernel.forward(args);
      slice.tensors.push_back(std::move(output));
    }

    void backward(std::size_t i, Slice& slice) {
      Kernel& kernel = *runner_.kernels_[i];
      AlignedDoubles workspace(
          static_cast<std::int64_t>(kernel.workspace_bytes(slice.samples) / sizeof(double)));
      AlignedDoubles grad_input(slice.samples * model_.ops[i].input.elements());
      slice.record.assign(kernel.backward_record(), 0.0);
      std::vector<AlignedDoubles> gradients;
      std::vector<void*> gradient_views;
      for (const ParameterRange& range : model_.ops[i].parameters) {
        gradients.emplace_back(range.shape.elements());
        gradient_views.push_back(gradients.back().data());
      }
      BackwardArgs args;
      std::vector<const void*> views;
      prepare(i, slice, args, views);
      args.workspace = workspace.data();
      args.output = slice.tensors[i + 1].data();
      args.grad_output = slice.gradient.data();
      args.grad_input = grad_input.data();
      args.grad_parameters = gradient_views.data();
      args.record = slice.record.data();
      kernel.backward(args);
      for (std::size_t p = 0; p < gradients.size(); ++p) {
        const auto offset = static_cast<std::size_t>(model_.ops[i].parameters[p].offset);
        const std::vector<double> values = gradients[p].values();
        for (std::size_t e = 0; e < values.size(); ++e) result_.grad_parameters[offset + e] += values[e];
      }
      slice.gradient = std::move(grad_input);
    }

    const SerialRunner& runner_;
    const Model& model_;
    std::span<const double> parameters_;
    std::span<const double> statistics_;
    bool training_;
    std::vector<Slice> slices_;
    SerialResult result_;
  };

  const Model& model_;
  std::vector<std::unique_ptr<Kernel>> kernels_;
};

}  // namespace convoy::testing
