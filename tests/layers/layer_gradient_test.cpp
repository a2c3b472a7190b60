#include <cmath>
#include <gtest/gtest.h>
#include <set>

#include "tests/support/layer_draw.h"
#include "tests/support/model_from_yaml.h"
#include "tests/support/serial_runner.h"

namespace convoy {
namespace {

using testing::Dice;
using testing::Json;
using testing::SerialRunner;
using Slices = std::vector<std::vector<double>>;

/// A layer on its own, and the loss sum(weights * output) of a batch in two slices.
class Probe {
 public:
  Probe(const Model& model, std::uint32_t stream) : runner_(model) {
    parameters_ = testing::random_values(model.parameter_elements, stream);
    for (std::uint32_t s = 0; s < 2; ++s) {
      const std::int64_t samples = 3 - s;
      inputs_.push_back(testing::random_values(samples * model.input.elements(), stream + 1 + s));
      weights_.push_back(testing::random_values(samples * model.output.elements(), stream + 3 + s));
    }
    result_ = runner_.train(parameters_, inputs_, weights_);
  }

  double loss() const {
    const auto result = runner_.train(parameters_, inputs_, weights_);
    double sum = 0;
    for (std::size_t s = 0; s < weights_.size(); ++s)
      for (std::size_t i = 0; i < weights_[s].size(); ++i) sum += weights_[s][i] * result.outputs[s][i];
    return sum;
  }

  /// The loss's slope along `direction` from `values`, one of the vectors above, by central differences.
  double slope(std::vector<double>& values, const std::vector<double>& direction) {
    constexpr double kStep = 1e-6;
    const std::vector<double> origin = values;
    const auto at = [&](double step) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = origin[i] + step * direction[i];
      return loss();
    };
    const double difference = at(kStep) - at(-kStep);
    values = origin;
    return difference / (2 * kStep);
  }

  /// Compares `gradient` with differences along random directions, and along some axes on their own.
  void compare(std::vector<double>& values, const std::vector<double>& gradient, Dice& dice) {
    ASSERT_EQ(gradient.size(), values.size());
    double largest = 1;
    for (double g : gradient) largest = std::max(largest, std::fabs(g));
    for (std::uint32_t d = 0; d < 12; ++d) {
      std::vector<double> direction(values.size(), 0.0);
      if (d < 4)
        direction = testing::random_values(static_cast<std::int64_t>(values.size()), 100 + d);
      else
        direction[static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(values.size())))] = 1;
      double expected = 0;
      for (std::size_t i = 0; i < values.size(); ++i) expected += gradient[i] * direction[i];
      const double size = largest * std::sqrt(static_cast<double>(values.size()));
      ASSERT_NEAR(slope(values, direction), expected, 1e-7 * size)
          << (d < 4 ? "along a random direction" : "of one element");
    }
  }

  void compare_all(Dice& dice) {
    for (std::size_t s = 0; s < inputs_.size(); ++s) {
      SCOPED_TRACE("with respect to slice " + std::to_string(s) + "'s input");
      ASSERT_NO_FATAL_FAILURE(compare(inputs_[s], result_.grad_inputs[s], dice));
    }
    if (parameters_.empty()) return;
    SCOPED_TRACE("with respect to the parameters");
    compare(parameters_, result_.grad_parameters, dice);
  }

 private:
  SerialRunner runner_;
  std::vector<double> parameters_;
  Slices inputs_, weights_;
  testing::SerialResult result_;
};

class EveryLayer : public ::testing::TestWithParam<std::string> {
 protected:
  static const LayerType& type() {
    static const std::vector<LayerType> kTypes = layer_types();
    return *std::find_if(kTypes.begin(), kTypes.end(),
                         [](const LayerType& t) { return t.entry.name == GetParam(); });
  }
};

TEST_P(EveryLayer, HasTheGradientsOfCentralDifferences) {
  const Json parameters = type().entry.parameters->schema()["properties"];
  const int wanted = 10 + 8 * static_cast<int>(parameters.size());
  Dice dice(1);
  std::set<std::string> drawn;
  int cases = 0;
  for (int attempt = 0; attempt < 5000 && cases < wanted; ++attempt) {
    const Json layer = testing::draw_layer(type(), dice);
    const std::string document =
        testing::plain_yaml({{"input_shape", testing::draw_input(dice)}, {"layers", Json::array({layer})}});
    const auto built = testing::build_from_yaml(document);
    if (!built.model) continue;
    SCOPED_TRACE(document);
    ASSERT_NO_FATAL_FAILURE(Probe(*built.model, static_cast<std::uint32_t>(attempt)).compare_all(dice));
    for (const auto& [key, value] : layer[GetParam()].items()) drawn.insert(key);
    ++cases;
  }
  EXPECT_EQ(cases, wanted) << "too few draws fit";
  for (const auto& [key, value] : parameters.items())
    EXPECT_TRUE(drawn.contains(key) || key.ends_with("_initializer")) << key << " was never drawn";
}

std::vector<std::string> registered() {
  std::vector<std::string> names;
  for (const LayerType& type : layer_types()) names.push_back(type.entry.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryLayer, ::testing::ValuesIn(registered()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace convoy
