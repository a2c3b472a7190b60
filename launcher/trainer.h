#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "comm/communicator.h"
#include "launcher/checkpoint.h"
#include "launcher/early_stopping.h"
#include "launcher/evaluation.h"
#include "launcher/log.h"
#include "launcher/metrics_writer.h"
#include "launcher/progress.h"
#include "launcher/run_directory.h"
#include "launcher/setup.h"
#include "launcher/stepper.h"

namespace convoy {

/// One training, from where its run directory stands to its end.
class Trainer {
 public:
  struct Parts {
    const Setup& setup;
    Engine& engine;
    Communicator& communicator;
    Log& log;
    Progress& progress;
    NumericsFingerprint fingerprint;
    std::string config_hash;
    Watchdog& watchdog;
    std::string resume;  ///< "auto", "never", or a checkpoint's directory
    MetricsEvent start;  ///< facts for the `start` event
  };

  /// `files`: rank 0's run directory, null on the others. Collective.
  Trainer(const Parts& parts, const RunDirectory* files);

  /// Goes on from the checkpoint that Parts.resume names, or with "auto" from the newest whole one, if there
  /// is any. Collective.
  void resume();

  /// Trains to the end, or until a stop is asked for: ExitCode::ok or ExitCode::stopped. Collective.
  ExitCode run();

 private:
  enum Request : std::uint32_t { kStop = 1, kSave = 2 };
  struct Figures {
    double loss, accuracy, top5;
  };
  struct EpochTotals {
    double loss = 0, correct = 0, top5 = 0, samples = 0;
    void add(const StepResult& result);
    /// A sample's; NaN where every step was refused.
    Figures means() const;
  };

  bool is_root() const { return files_ != nullptr; }
  void restore_best(const std::optional<BestResult>& best);
  void start_run();
  /// Takes the steps up to the next moment when something else may be due.
  void train_steps();
  void count(const StepResult& result);
  std::int64_t steps_to_take() const;
  void refuse_step(const std::string& reason);
  void log_step(const StepResult& result);
  bool measures(config::Metric metric) const;
  void record(MetricsEvent& event, std::string& line, const std::string& prefix,
              const Figures& figures) const;
  void finish_epoch();
  void require_usable_weights(const std::optional<EvaluationResult>& validation);
  /// What makes the current weights of no use, looked for with as many samples as a batch has. Every rank
  /// answers alike.
  std::optional<std::string> defect_of_weights();
  /// What to do about weights that no step can be taken from. Rank 0's answer is the good one.
  std::string way_out() const;
  void watch_metrics(const MetricsEvent& epoch);
  void check_replicas();
  /// Brings the whole state of the last step to rank 0. Collective.
  void fetch_state();
  void write_checkpoint();
  void save_on_the_way();
  /// Runs `work` on rank 0; a file that cannot be written costs a warning: "after step N `failing`: …".
  void on_root(const char* failing, const std::function<void()>& work);
  void end_run();
  /// Compares the data's hash on rank 0, once it is known, with that of the training that this one goes on
  /// from. Throws DataError.
  void look_at_data(std::chrono::seconds patience);
  /// Of the training split; rank 0's. Throws DataError where it is not what the training began with.
  const std::string& data_sha256();
  bool finished() const;
  std::int64_t epoch_steps() const;
  void write(std::string_view event, const MetricsEvent& fields);

  Parts parts_;
  const RunDirectory* files_;
  const config::Experiment& experiment_;
  std::unique_ptr<Optimizer> optimizer_;
  TrainingState state_;
  InputPipeline pipeline_;
  std::optional<InputPipeline> validation_;
  std::unique_ptr<Stepper> stepper_;
  std::vector<StepResult> results_;  ///< of the steps taken last
  std::unique_ptr<Evaluator> evaluator_;
  std::optional<MetricsWriter> metrics_;

  std::int64_t total_steps_ = 0;
  TrainingCursor cursor_;
  EpochTotals totals_;
  std::optional<BestResult> best_;
  std::optional<EarlyStopping> early_stopping_;
  MetricsPosition metrics_position_;
  std::future<std::string> data_hash_;  ///< being computed, while the first steps run
  std::string data_sha256_;
  std::string resumed_data_;  ///< of the training that this one goes on from; empty where there is none
  bool resumed_ = false;
  bool stop_early_ = false;
  std::int64_t refusals_ = 0;          ///< steps refused since the last one taken
  bool doubtful_ = false;              ///< the weights gave a loss that is not finite; they are not saved
  std::optional<std::string> defect_;  ///< of the current weights, as far as it has been looked for
  /// Rank 0's: the newest checkpoint, and the newest from whose weights a step was taken.
  std::optional<std::int64_t> saved_step_, proven_step_;
  bool metrics_failed_ = false;
  std::uint32_t requests_ = 0;  ///< of all ranks, with the last steps

  using Time = std::chrono::steady_clock::time_point;
  Time epoch_start_, last_save_;
  double epoch_samples_ = 0;  ///< since epoch_start_
  RateMeter rate_;
};

}  // namespace convoy
