#include "core/cuda/kernels/step.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

namespace {

struct BeginStep {
  StepState* state;
  CONVOY_DEVICE void operator()(std::int64_t) const { *state = StepState(); }
};

struct Conclude {
  const SliceLoss* losses;
  std::int64_t slices;
  const StepState* states;
  int ranks;
  const StepValues* step;
  StepState* own;
  StepReport* reports;

  CONVOY_DEVICE void operator()(std::int64_t) const {
    StepReport report;
    for (std::int64_t slice = 0; slice < slices; ++slice) {
      report.sums.loss += losses[slice].loss;
      report.sums.correct += losses[slice].correct;
      report.sums.top5 += losses[slice].top5;
    }
    for (int rank = 0; rank < ranks; ++rank)
      if (states[rank].bad_block > report.bad_block) report.bad_block = states[rank].bad_block;
    const double loss = report.sums.loss;
    report.refused = report.bad_block > 0 || loss - loss != 0 ? 1 : 0;
    own->refused = report.refused;
    reports[step->report] = report;
  }
};

struct Settle {
  const StepState* states;
  int ranks;
  const StepValues* step;
  StepState* own;
  StepReport* reports;

  CONVOY_DEVICE void operator()(std::int64_t) const {
    StepReport& report = reports[step->report];
    if (report.refused) return;  // what was updated from such gradients says nothing
    for (int rank = 0; rank < ranks; ++rank)
      if (states[rank].bad_weights) report.bad_weights = report.refused = 1;
    own->refused = report.refused;
  }
};

}  // namespace

void begin_step(const Stream& stream, StepState* state) { launch(stream, 1, BeginStep{state}); }

void conclude(const Stream& stream, const SliceLoss* losses, std::int64_t slices, const StepState* states,
              int ranks, const StepValues* step, StepState* own, StepReport* reports) {
  launch(stream, 1, Conclude{losses, slices, states, ranks, step, own, reports});
}

void settle(const Stream& stream, const StepState* states, int ranks, const StepValues* step, StepState* own,
            StepReport* reports) {
  launch(stream, 1, Settle{states, ranks, step, own, reports});
}

}  // namespace convoy::cuda
