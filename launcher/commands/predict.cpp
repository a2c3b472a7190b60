#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "core/data/image_files.h"
#include "launcher/collective.h"
#include "launcher/commands/command.h"
#include "launcher/commands/inputs.h"
#include "launcher/evaluation.h"
#include "launcher/npy_writer.h"
#include "launcher/same_setup.h"
#include "launcher/split_source.h"
#include "launcher/wording.h"
#include "layers/evaluator.h"

namespace convoy {

namespace {

/// Slices that are computed between two gatherings: outputs of a few thousand samples are held at once.
constexpr std::int64_t kSlicesAtOnce = 256;

/// Every rank computes its share; rank 0 writes all outputs in the data's order.
class Prediction {
 public:
  Prediction(Evaluator& evaluator, const InputPipeline& pipeline, const TrainingState& state,
             std::int64_t classes, Watchdog& watchdog, Communicator& communicator)
      : evaluator_(evaluator),
        source_(pipeline),
        state_(state),
        total_(pipeline.dataset().size()),
        classes_(classes),
        watchdog_(watchdog),
        communicator_(communicator) {}

  /// Calls write(outputs) on rank 0 with the rows in order.
  template <class Write>
  void run(const Write& write) {
    const std::int64_t slices = Evaluator::slices(total_);
    for (std::int64_t first = 0; first < slices; first += kSlicesAtOnce) {
      const IndexRange chunk{first, std::min(first + kSlicesAtOnce, slices)};
      const std::span<const float> outputs = compute(chunk);
      not_finite_ += count_not_finite(outputs, std::ssize(outputs) / classes_);
      agree(communicator_, [&] {
        if (communicator_.rank() == 0) write(outputs);
      });
    }
  }

  /// Of the samples so far, those with outputs that are not; the same on every rank.
  std::int64_t not_finite() const { return not_finite_; }

 private:
  std::int64_t position(std::int64_t slice) const { return std::min(slice * kEvaluationSlice, total_); }

  std::span<const float> compute(IndexRange chunk) {
    const std::int64_t begin = position(chunk.begin);
    outputs_.resize(static_cast<std::size_t>((position(chunk.end) - begin) * classes_));
    const auto share = [&](int rank) {
      const IndexRange part = part_of(chunk.size(), communicator_.size(), rank);
      return IndexRange{chunk.begin + part.begin, chunk.begin + part.end};
    };
    const IndexRange own = share(communicator_.rank());
    evaluator_.run(own.begin, own.end, source_, state_.current().parameters(), state_.current().statistics(),
                   [&](std::int64_t, const EvaluatedSlice& seen) {
                     watchdog_.beat();
                     std::ranges::copy(seen.output, outputs_.begin() + (seen.first - begin) * classes_);
                   });
    std::vector<std::int64_t> bytes;
    for (int rank = 0; rank < communicator_.size(); ++rank)
      bytes.push_back((position(share(rank).end) - position(share(rank).begin)) * classes_ *
                      static_cast<std::int64_t>(sizeof(float)));
    communicator_.all_gather(std::as_writable_bytes(std::span(outputs_)), bytes);
    return outputs_;
  }

  Evaluator& evaluator_;
  SplitSource source_;
  const TrainingState& state_;
  std::int64_t total_;
  std::int64_t classes_;
  Watchdog& watchdog_;
  Communicator& communicator_;
  std::vector<float> outputs_;
  std::int64_t not_finite_ = 0;
};

}  // namespace

ExitCode run_predict(const CommandLine& line, World& world) {
  StallGuard guard(world);
  const auto communicator = world.communicator();
  std::filesystem::path output;
  agree(*communicator, [&] {
    if (world.rank() == 0) output = output_file("--output", *line.output);
  });
  WeightedModel model;
  DatasetPtr pictures;
  model.load(line, world, *communicator, guard);
  agree(*communicator, [&] {
    if (!line.images.empty()) {
      pictures = open_images(line.images, model.setup.model.input);
    } else {
      open_data(model.setup);
      pictures = line.split == "train" ? model.setup.training : model.setup.test;
    }
    require_measured(model.setup);
  });
  require_same_config(model.setup, *communicator);  // once more, with what follows from the data
  require_same_data(*pictures, *communicator);
  const InputPipeline pipeline = make_pipeline(model.setup, pictures, false);
  const std::unique_ptr<Evaluator> evaluator = model.engine->make_evaluator(pictures->size());
  const std::int64_t classes = model.setup.model.output.elements();
  std::optional<NpyWriter> file;
  agree(*communicator, [&] {
    if (world.rank() == 0) file.emplace(output, pictures->size(), classes);
  });
  guard.watchdog().enter("predicting, or waiting for other ranks", 0);
  Prediction prediction(*evaluator, pipeline, *model.state, classes, guard.watchdog(), *communicator);
  prediction.run([&](std::span<const float> outputs) { file->append(outputs); });
  agree(*communicator, [&] {
    if (file) file->commit();
  });
  if (world.rank() == 0 && !line.quiet)
    fmt::print(stderr, "{}: float32 [{}, {}]\n", *line.output, pictures->size(), classes);
  if (const std::int64_t bad = prediction.not_finite())
    throw AgreedError(
        ExitCode::numeric,
        fmt::format("the weights give outputs that are not finite for {} of {}: they are of no use; "
                    "take those of an earlier checkpoint with --weights",
                    bad, counted(pictures->size(), "sample")));
  return ExitCode::ok;
}

}  // namespace convoy
