#include "launcher/numerics_probe.h"

#include <algorithm>

#include "core/arena.h"
#include "core/random.h"
#include "core/sha256.h"
#include "layers/executor.h"

namespace convoy {

namespace {

constexpr std::uint64_t kProbeSeed = 1;

/// The same pictures in every process.
class ProbeSource : public SliceSource {
 public:
  ProbeSource(std::int64_t elements, std::int64_t classes) : elements_(elements), classes_(classes) {}
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    const RandomStream random(kProbeSeed, RandomPurpose::test);
    for (std::int64_t n = 0; n < samples; ++n) {
      labels[n] = static_cast<std::int32_t>((first + n) % classes_);
      for (std::int64_t e = 0; e < elements_; ++e)
        input[n * elements_ + e] =
            uniform_float(random(0, static_cast<std::uint32_t>(first + n), static_cast<std::uint32_t>(e))[0]);
    }
  }

 private:
  std::int64_t elements_, classes_;
};

/// Keeps the gradients of the only slice.
class ProbeSink : public GradientSink {
 public:
  ProbeSink(std::span<float> gradients, const simd::Table& loops) : gradients_(gradients), loops_(loops) {}
  bool add(std::int64_t offset, std::span<const float> gradient) override {
    std::ranges::copy(gradient, gradients_.begin() + offset);
    return true;
  }
  void set(std::int64_t offset, std::span<const std::int64_t> sum) override {
    loops_.exact_to_float(gradients_.data() + offset, sum.data(), sum.size());
  }
  float limit() const override { return 0x1p19F; }
  void passed(std::int64_t) override {}

 private:
  std::span<float> gradients_;
  const simd::Table& loops_;
};

/// A meeting of the only slice with itself.
class ProbeMeeting : public Meeting {
 public:
  void gather(std::span<double>, std::int64_t) override {}
};

}  // namespace

std::string probe(Network& network, WorkerPool& pool, const simd::Table& loops, std::int64_t samples) {
  const Model& model = network.model();
  network.plan(samples);
  Executor executor(network, pool, SparseCategoricalCrossentropy{},
                    {.slices = 1, .local_slices = 1, .slice_samples = samples});
  Arena parameters(static_cast<std::size_t>(model.parameter_elements) * sizeof(float)),
      gradients(parameters.size());
  Arena statistics(static_cast<std::size_t>(model.statistics_elements) * sizeof(float)),
      updated(statistics.size());
  initialize(model, kProbeSeed, parameters.as<float>(), statistics.as<float>());
  StepPlan plan;
  plan.seed = kProbeSeed;
  plan.samples = samples;
  ProbeSink sink(gradients.as<float>(), loops);
  ProbeMeeting meeting;
  const StepOutcome outcome =
      executor.step(plan, ProbeSource(model.input.elements(), model.output.elements()),
                    parameters.as<float>(), statistics.as<float>(), updated.as<float>(), sink, meeting);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(&outcome.loss, 1)));
  hash.update(std::as_bytes(gradients.as<float>()));
  hash.update(std::as_bytes(updated.as<float>()));
  return hash.hex();
}

}  // namespace convoy
