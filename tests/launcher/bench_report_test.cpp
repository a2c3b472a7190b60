#include "launcher/commands/bench_report.h"

#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "launcher/cpu_engine.h"
#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

constexpr const char* kLayers = R"(
input_shape: [32, 32, 3]
layers:
  - conv2d: {filters: 32, kernel_size: 3, padding: same, activation: relu, name: a_very_long_name_for_a_layer}
  - max_pooling2d
  - batch_normalization
  - flatten
  - dense: {units: 128, activation: relu}
  - dense: {units: 10}
)";

/// One worker that spends a few milliseconds in each kind of piece.
class BenchReport : public ::testing::Test {
 protected:
  BenchReport() : profiler_(1, engine_.network().blocks().size()) {
    const auto begin = Profiler::Clock::now();
    profiler_.start();
    for (std::size_t piece = 0; piece < kPieceNames.size(); ++piece)
      for (std::size_t block = 0; block < engine_.network().blocks().size(); ++block)
        profiler_.time(0, static_cast<Piece>(piece), block,
                       [] { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
    measured_.rates = {30, 10, 20};
    measured_.images = 100;
    measured_.seconds = std::chrono::duration<double>(Profiler::Clock::now() - begin).count();
    measured_.batch = 20;
    measured_.slice_samples = 10;
    measured_.slots = 2;
    measured_.isa = "avx512";
    measured_.peaks = {2e9, 3e9};
  }
  MetricsEvent json() const { return bench_json(measured_, profiler_, model_, engine_.blocks()); }

  const Model model_ = testing::model_from_yaml(kLayers);
  const CpuEngine engine_{model_, {}};
  Profiler profiler_;
  BenchMeasurement measured_;
};

TEST_F(BenchReport, HasTheMedianAndTheExtremesOfTheRates) {
  const MetricsEvent rate = json()["images_per_second"];
  EXPECT_EQ(rate["median"], 20);
  EXPECT_EQ(rate["min"], 10);
  EXPECT_EQ(rate["max"], 30);
}

TEST_F(BenchReport, PartsOfTheTimeAddUpToAllOfIt) {
  for (const bool evaluation : {false, true}) {
    measured_.evaluation = evaluation;
    double sum = 0;
    const MetricsEvent shares = json()["share_of_time"];
    for (const auto& [name, share] : shares.items()) {
      EXPECT_GE(share.get<double>(), 0) << name;
      sum += share.get<double>();
    }
    EXPECT_NEAR(sum, 1, 1e-9) << shares;
  }
}

TEST_F(BenchReport, ComparesEachPieceWithThePeaks) {
  const MetricsEvent layer = json()["layers"].back();
  EXPECT_EQ(layer["layer"], "dense_1");
  const MetricsEvent forward = layer["pieces"]["forward"];
  EXPECT_EQ(forward["flops_per_image"], 2 * 128 * 10 + 10);
  EXPECT_EQ(forward["bytes_per_image"], 4 * (128 + 10 + (1280 + 10) / 10.0));
  const double seconds = forward["us_per_image"].get<double>() * 1e-6;
  EXPECT_NEAR(forward["percent_of_peak_flops"].get<double>(), 100 * 2570 / seconds / 2e9, 1e-6);
  EXPECT_NEAR(forward["percent_of_peak_bytes"].get<double>(), 100 * 1068 / seconds / 3e9, 1e-6);
}

TEST_F(BenchReport, OfEvaluationHasNothingOfTraining) {
  measured_.evaluation = true;
  const MetricsEvent report = json();
  EXPECT_EQ(report["measured"], "evaluation");
  for (const auto& layer : report["layers"]) {
    EXPECT_EQ(layer["pieces"].size(), 1U) << layer;
    EXPECT_TRUE(layer["pieces"].contains("forward"));
  }
  EXPECT_FALSE(report["phases"].contains("update"));
  EXPECT_FALSE(report["share_of_time"].contains("waiting_for_sums"));
}

TEST_F(BenchReport, FitsIntoATerminal) {
  for (const bool evaluation : {false, true}) {
    measured_.evaluation = evaluation;
    std::istringstream lines(bench_text(json()));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120U) << line;
  }
}

}  // namespace
}  // namespace convoy
