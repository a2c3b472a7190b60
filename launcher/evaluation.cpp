#include "launcher/evaluation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "core/data/batch_plan.h"
#include "launcher/split_source.h"
#include "launcher/wording.h"

namespace convoy {

namespace {

/// The largest of a row's outputs, of equal ones the first.
std::int64_t answer(std::span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

}  // namespace

std::int64_t count_not_finite(std::span<const float> outputs, std::int64_t samples) {
  const std::size_t width = outputs.size() / static_cast<std::size_t>(samples);
  std::int64_t count = 0;
  for (std::size_t first = 0; first < outputs.size(); first += width)
    count += !std::ranges::all_of(outputs.subspan(first, width), [](float y) { return std::isfinite(y); });
  return count;
}

std::optional<std::string> EvaluationResult::defect() const {
  if (std::isfinite(loss) && not_finite == 0) return std::nullopt;
  std::string text = fmt::format("a loss of {}", loss);
  if (not_finite > 0)
    text +=
        fmt::format(", and outputs that are not finite for {} of {}", not_finite, counted(samples, "sample"));
  return text;
}

double EvaluationResult::class_accuracy(std::int64_t label) const {
  const auto row = std::span(confusion).subspan(static_cast<std::size_t>(label * classes),
                                                static_cast<std::size_t>(classes));
  std::int64_t seen = 0;
  for (std::int64_t count : row) seen += count;
  if (seen == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(row[static_cast<std::size_t>(label)]) / static_cast<double>(seen);
}

EvaluationResult evaluate(Evaluator& evaluator, const InputPipeline& pipeline,
                          std::span<const float> parameters, std::span<const float> statistics,
                          const LossFunction& loss, Communicator& communicator, Watchdog* watchdog) {
  constexpr std::int64_t kWidth = 4;  // loss, correct, top five, not finite of a slice
  EvaluationResult result;
  result.samples = pipeline.dataset().size();
  result.classes = pipeline.dataset().classes();
  const int ranks = communicator.size();
  const std::int64_t slices = Evaluator::slices(result.samples);
  const std::size_t cells = static_cast<std::size_t>(result.classes * result.classes);
  std::vector<double> records(static_cast<std::size_t>(slices * kWidth));
  std::vector<std::atomic<std::int64_t>> counts(cells);

  const IndexRange own = part_of(slices, ranks, communicator.rank());
  evaluator.run(own.begin, own.end, SplitSource(pipeline), parameters, statistics,
                [&](std::int64_t slice, const EvaluatedSlice& seen) {
                  if (watchdog) watchdog->beat();
                  LossArgs<float> args;
                  args.samples = seen.samples;
                  args.classes = static_cast<std::int64_t>(seen.output.size()) / seen.samples;
                  args.output = seen.output.data();
                  args.labels = seen.labels.data();
                  const LossSums sums = loss(args);
                  double* record = records.data() + slice * kWidth;
                  record[0] = sums.loss;
                  record[1] = sums.correct;
                  record[2] = sums.top5;
                  record[3] = static_cast<double>(count_not_finite(seen.output, seen.samples));
                  for (std::size_t n = 0; n < seen.labels.size(); ++n) {
                    const auto width = static_cast<std::size_t>(args.classes);
                    const std::int64_t taken_for = answer(seen.output.subspan(n * width, width));
                    if (taken_for < result.classes)
                      ++counts[static_cast<std::size_t>(seen.labels[n] * result.classes + taken_for)];
                  }
                });

  std::vector<std::int64_t> shares(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank)
    shares[static_cast<std::size_t>(rank)] =
        part_of(slices, ranks, rank).size() * kWidth * static_cast<std::int64_t>(sizeof(double));
  const auto gather = [&](std::span<std::byte> bytes) {
    evaluator.profiler().time(0, Piece::meeting, 0, [&] { communicator.all_gather(bytes, shares); });
  };
  gather(std::as_writable_bytes(std::span(records)));
  for (std::int64_t slice = 0; slice < slices; ++slice) {
    const double* record = records.data() + slice * kWidth;
    result.loss += record[0];
    result.accuracy += record[1];
    result.top5 += record[2];
    result.not_finite += static_cast<std::int64_t>(record[3]);
  }
  const double n = static_cast<double>(result.samples);
  result.loss /= n;
  result.accuracy /= n;
  result.top5 /= n;

  std::vector<std::int64_t> all(cells * static_cast<std::size_t>(ranks));
  std::copy(counts.begin(), counts.end(),
            all.begin() + static_cast<std::ptrdiff_t>(cells) * communicator.rank());
  std::fill(shares.begin(), shares.end(), static_cast<std::int64_t>(cells * sizeof(std::int64_t)));
  gather(std::as_writable_bytes(std::span(all)));
  result.confusion.resize(cells);
  for (std::size_t i = 0; i < all.size(); ++i) result.confusion[i % cells] += all[i];
  return result;
}

}  // namespace convoy
