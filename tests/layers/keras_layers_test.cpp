// Layers against what Keras computed in double (scripts/record_reference.py).

#include <cmath>
#include <gtest/gtest.h>

#include "core/cpu/isa.h"
#include "core/error.h"
#include "layers/evaluator.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/network_runner.h"
#include "tests/support/recording.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

using testing::Recording;

/// One recorded stack of layers.
struct Case {
  const Recording& keras;
  std::string name;
  Model model;
  std::int64_t samples;

  Case(const Recording& recording, const nlohmann::json& description)
      : keras(recording),
        name(description["name"]),
        model(testing::model_from_yaml(nlohmann::json{
            {"input_shape", description["input_shape"]},
            {"layers",
             description["layers"]}}.dump())),
        samples(recording.shape(name + "/input")[0]) {}

  template <class T>
  std::vector<T> tensor(const std::string& what) const {
    return keras.values<T>(name + "/" + what);
  }
  /// The recorded values of the model's tensors, where their arena has them.
  template <class T>
  std::vector<T> arena(const std::string& what, const std::vector<ModelTensor>& tensors,
                       std::int64_t elements) const {
    std::vector<T> values(static_cast<std::size_t>(elements));
    for (const ModelTensor& t : tensors) {
      const auto recorded = tensor<T>(what + "/" + t.name);
      EXPECT_EQ(Shape(keras.shape(name + "/" + what + "/" + t.name)), t.shape) << t.name;
      std::copy(recorded.begin(), recorded.end(), values.begin() + t.offset);
    }
    return values;
  }
  template <class T>
  std::vector<T> parameters() const {
    return arena<T>("parameters", model.parameters, model.parameter_elements);
  }
  template <class T>
  std::vector<T> statistics() const {
    return arena<T>("statistics", model.statistics, model.statistics_elements);
  }
};

/// All within `tolerance` of the largest value.
template <class T>
void expect_close(std::span<const T> values, std::span<const double> expected, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(values.size(), expected.size()) << what;
  double largest = 1e-3;
  for (const double value : expected) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_LE(std::fabs(double{values[i]} - expected[i]), tolerance * largest)
        << what << ", element " << i << ": " << values[i] << ", Keras has " << expected[i];
}
template <class T>
void expect_close(const std::vector<T>& values, const std::vector<double>& expected, double tolerance,
                  const std::string& what) {
  expect_close(std::span(values), std::span(expected), tolerance, what);
}

template <class T>
void expect_gradients(const Case& one, std::span<const T> gradients, double tolerance) {
  for (const ModelTensor& t : one.model.parameters)
    expect_close(
        gradients.subspan(static_cast<std::size_t>(t.offset), static_cast<std::size_t>(t.shape.elements())),
        std::span<const double>(one.tensor<double>("gradients/" + t.name)), tolerance, t.name);
}

/// The same rows in slices of at most `samples`.
std::vector<std::vector<double>> sliced(const std::vector<double>& values, std::int64_t total,
                                        std::int64_t samples) {
  const std::size_t row = values.size() / static_cast<std::size_t>(total);
  const std::size_t most = row * static_cast<std::size_t>(samples);
  std::vector<std::vector<double>> slices;
  for (auto rest = std::span(values); !rest.empty(); rest = rest.subspan(slices.back().size())) {
    const auto slice = rest.first(std::min(most, rest.size()));
    slices.emplace_back(slice.begin(), slice.end());
  }
  return slices;
}
std::vector<double> joined(const std::vector<std::vector<double>>& slices) {
  std::vector<double> all;
  for (const auto& slice : slices) all.insert(all.end(), slice.begin(), slice.end());
  return all;
}

TEST(KerasLayers, ReferenceLoopsInDoubleAgreeInWhateverSlices) {
  const Recording keras("layers");
  for (const auto& description : keras.cases()) {
    const Case one(keras, description);
    const testing::SerialRunner runner(one.model);
    for (const std::int64_t samples : {one.samples, std::int64_t{1}, std::int64_t{4}}) {
      SCOPED_TRACE(one.name + ", in slices of " + std::to_string(samples));
      const auto inputs = sliced(one.tensor<double>("input"), one.samples, samples);
      const auto result = runner.train(one.parameters<double>(), inputs,
                                       sliced(one.tensor<double>("grad_output"), one.samples, samples));
      expect_close(joined(result.outputs), one.tensor<double>("output"), 1e-12, "output");
      expect_close(joined(result.grad_inputs), one.tensor<double>("grad_input"), 1e-12, "grad_input");
      expect_gradients<double>(one, result.grad_parameters, 1e-12);
      if (!one.model.statistics.empty()) {
        const auto evaluated = runner.evaluate(one.parameters<double>(), one.statistics<double>(), inputs);
        expect_close(joined(evaluated.outputs), one.tensor<double>("evaluated"), 1e-12, "evaluated");
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GE(keras.cases().size(), 90U);
}

/// Samples given as one array.
class Given : public SliceSource {
 public:
  explicit Given(std::vector<float> values, std::int64_t samples)
      : values_(std::move(values)), row_(values_.size() / static_cast<std::size_t>(samples)) {}
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    std::copy_n(values_.begin() + first * static_cast<std::int64_t>(row_),
                samples * static_cast<std::int64_t>(row_), input);
    std::fill_n(labels, samples, 0);
  }

 private:
  std::vector<float> values_;
  std::size_t row_;
};

void expect_evaluation(const Case& one, Network& network) {
  WorkerPool pool(1);
  NetworkEvaluator evaluator(network, pool, one.samples);
  std::vector<float> output;
  evaluator.run(0, 1, Given(one.tensor<float>("input"), one.samples), one.parameters<float>(),
                one.statistics<float>(), [&](std::int64_t, const EvaluatedSlice& slice) {
                  output.assign(slice.output.begin(), slice.output.end());
                });
  expect_close(output, one.tensor<double>("evaluated"), 1e-5, "evaluated");
}

/// The layers that a provider can compute alone, forced to it.
std::map<std::string, std::string> forced_to(const std::string& provider, const Model& model,
                                             const CpuBackend& backend) {
  std::map<std::string, std::string> forced;
  for (const LayerInfo& layer : model.layers) try {
      Network(model, backend, {{layer.name, provider}});
      forced[layer.name] = provider;
    } catch (const ConfigError&) {
    }
  return forced;
}

/// Blocks that the provider computed.
int expect_as_keras(const Case& one, const CpuBackend& backend, const std::string& provider) {
  Network network(one.model, backend, forced_to(provider, one.model, backend));
  const auto blocks = std::count_if(network.blocks().begin(), network.blocks().end(),
                                    [&](const Block& block) { return block.provider == provider; });
  if (blocks == 0) return 0;
  testing::NetworkRunner runner(network, one.samples);
  const auto parameters = one.parameters<float>();
  std::copy(parameters.begin(), parameters.end(), runner.parameters().begin());
  expect_close(runner.forward(one.tensor<float>("input")), one.tensor<double>("output"), 1e-5, "output");
  expect_close(runner.backward(one.tensor<float>("grad_output")), one.tensor<double>("grad_input"), 1e-5,
               "grad_input");
  expect_gradients(one, runner.gradients(), 1e-5);
  if (!one.model.statistics.empty()) {
    expect_close(runner.moved(one.statistics<float>()),
                 one.arena<double>("new_statistics", one.model.statistics, one.model.statistics_elements),
                 1e-5, "new statistics");
    expect_evaluation(one, network);
  }
  return static_cast<int>(blocks);
}

TEST(KerasLayers, EveryProviderAgreesInFloat) {
  const Recording keras("layers");
  for (const Isa isa : available_isas()) {
    const CpuBackend backend(loops_of(isa));
    for (const auto& provider : backend.providers()) {
      int blocks = 0;
      for (const auto& description : keras.cases()) {
        const Case one(keras, description);
        SCOPED_TRACE(one.name + " by " + std::string(provider->name()) + ", " + std::string(name_of(isa)));
        blocks += expect_as_keras(one, backend, std::string(provider->name()));
        if (HasFailure()) return;
      }
      EXPECT_GE(blocks, 30) << provider->name();
    }
  }
}

}  // namespace
}  // namespace convoy
