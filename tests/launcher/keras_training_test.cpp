// Whole training steps, from a config and `model.weights`, against what Keras computed
// (scripts/record_reference.py).

#include <gtest/gtest.h>

#include "comm/thread_communicator.h"
#include "core/error.h"
#include "launcher/setup.h"
#include "tests/support/made_data.h"
#include "tests/support/recording.h"
#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

using nlohmann::json;
using testing::Recording;

/// One recorded training as a config, with its weights in a file.
class Training {
 public:
  explicit Training(const json& description) : setup_(read(description)) {
    std::vector<std::vector<float>> values;
    std::vector<StoredTensor> tensors;
    const Model& model = setup_.model;
    for (const ModelTensor& t : model.parameters) {
      const bool made = t.name.ends_with("kernel") || t.name.ends_with("bias");
      values.push_back(made ? testing::made_weights(t, static_cast<std::uint32_t>(values.size()))
                            : std::vector<float>(static_cast<std::size_t>(t.shape.elements()),
                                                 t.name.ends_with("gamma") ? 1.0F : 0.0F));
      tensors.push_back(stored_tensor<float>(t.name, t.shape.extents(), values.back()));
    }
    for (const ModelTensor& t : model.statistics) {
      values.emplace_back(static_cast<std::size_t>(t.shape.elements()),
                          t.name.ends_with("variance") ? 1.0F : 0.0F);
      tensors.push_back(stored_tensor<float>(t.name, t.shape.extents(), values.back()));
    }
    save_safetensors(weights(), tensors);
    setup_.training = std::make_shared<testing::MadeImages>(std::int64_t{description["batch"]} *
                                                            std::int64_t{description["steps"]});
  }

  const Setup& setup() const { return setup_; }
  std::filesystem::path weights() const { return directory_ / "start.safetensors"; }

 private:
  Setup read(const json& description) const {
    const json config{{"data", {{"shapes", json::object()}, {"scale", 1.0 / 255}, {"shuffle", false}}},
                      {"model",
                       {{"input_shape", description["input_shape"]},
                        {"layers", description["layers"]},
                        {"weights", weights()}}},
                      {"loss", {{"sparse_categorical_crossentropy", {{"from_logits", true}}}}},
                      {"optimizer", description["optimizer"]},
                      {"train", {{"epochs", 1}, {"global_batch_size", description["batch"]}, {"slices", 4}}}};
    const auto path = directory_ / "config.yaml";
    test::write_text(path, config.dump());
    return read_setup(path, {});
  }

  test::TemporaryDirectory directory_;
  Setup setup_;
};

/// What a training on two ranks leaves.
struct Outcome {
  std::vector<double> losses;
  std::map<std::string, std::vector<float>> statistics;
};

Outcome train(const Training& training, const CpuEngine::Options& options) {
  const Setup& setup = training.setup();
  Outcome outcome;
  run_ranks(2, [&](Communicator& communicator) {
    CpuEngine engine(setup.model, options);
    const InputPipeline pipeline = make_pipeline(setup, setup.training, /*training=*/true);
    const auto optimizer = make_optimizer(setup.experiment, engine.backend().loops());
    TrainingState state(setup.model, optimizer->slot_names());
    state.load_weights(SafetensorsFile(training.weights()));
    StepRunner runner(engine, pipeline, *optimizer, state, communicator, step_options(setup));
    std::vector<double> losses;
    for (std::int64_t step = 0; step < runner.batches().steps_per_epoch(); ++step)
      losses.push_back(runner.step(step).loss);
    if (communicator.rank() > 0) return;
    outcome.losses = losses;
    for (const ModelTensor& t : setup.model.statistics) {
      const auto values = state.current().statistics().subspan(static_cast<std::size_t>(t.offset),
                                                               static_cast<std::size_t>(t.shape.elements()));
      outcome.statistics[t.name].assign(values.begin(), values.end());
    }
  });
  return outcome;
}

void expect_as_keras(const Recording& keras, const std::string& name, const Outcome& outcome) {
  const auto expected = keras.values<double>(name + "/losses");
  ASSERT_EQ(outcome.losses.size(), expected.size());
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(outcome.losses[step], expected[step], 1e-4 * expected[step]) << "step " << step;
  for (const auto& [tensor, values] : outcome.statistics) {
    const auto recorded = keras.values<double>(name + "/statistics/" + tensor);
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(double{values[i]}, recorded[i], 1e-4 * std::max(1.0, std::fabs(recorded[i])))
          << tensor << " " << i;
  }
}

using Which = std::tuple<std::string, Isa>;
class KerasTraining : public ::testing::TestWithParam<Which> {};

TEST_P(KerasTraining, LossesOfTwentyStepsAreThoseOfKeras) {
  const auto& [name, isa] = GetParam();
  const Recording keras("training");
  const auto description = std::find_if(keras.cases().begin(), keras.cases().end(),
                                        [&](const json& one) { return one["name"] == name; });
  ASSERT_NE(description, keras.cases().end());
  expect_as_keras(keras, name, train(Training(*description), {.isa = isa}));
}

INSTANTIATE_TEST_SUITE_P(Recorded, KerasTraining,
                         ::testing::Combine(::testing::Values("example", "normalized"),
                                            ::testing::ValuesIn(available_isas())),
                         [](const auto& test) {
                           return std::get<0>(test.param) + "_" +
                                  std::string(name_of(std::get<1>(test.param)));
                         });

}  // namespace
}  // namespace convoy
