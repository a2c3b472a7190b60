#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "launcher/log.h"
#include "launcher/terminal.h"

namespace convoy {

/// Seconds from some fixed moment on, never backwards.
using Clock = std::function<double()>;
double steady_seconds();

/// Images a second over the last seconds.
class RateMeter {
 public:
  explicit RateMeter(Clock clock = steady_seconds, double window_seconds = 5);

  void add(std::int64_t images);
  /// Forgets everything; time counts from now. For the first step, and after a pause (validation).
  void restart();
  /// 0 before the first add().
  double per_second() const;

 private:
  Clock clock_;
  double window_;
  std::deque<std::pair<double, std::int64_t>> sums_;  ///< (time, all images up to it), oldest first
};

/// One step as the display shows it; counts start at 1.
struct ProgressStep {
  std::int64_t epoch = 0;
  std::int64_t epochs = 0;
  std::int64_t step = 0;  ///< in the epoch
  std::int64_t steps = 0;
  double loss = 0;
  std::optional<double> accuracy;
  double images_per_second = 0;
  std::optional<double> seconds_left;
};

/// "epoch 3/10  step 812/1563  loss 1.2345  accuracy 0.6421  1,432 images/s  3m 20s left", without the parts
/// that are least missed where that is wider than `width`.
std::string progress_text(const ProgressStep& step, int width);
/// "12s", "3m 20s", "1h 05m"
std::string duration_text(double seconds);
/// "1,234,567"
std::string grouped(std::int64_t number);

/// Shows how a training goes: on a live terminal one line, drawn at most ten times a second, and otherwise a
/// plain line each time the trainer logs. log.txt always gets the plain lines.
class Progress {
 public:
  /// `quiet` leaves only log.txt.
  Progress(Terminal& terminal, Log& log, bool quiet, Clock clock = steady_seconds);
  /// Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After every step; `logged` every `log_every_steps`.
  void show(const ProgressStep& step, bool logged);
  /// A phase without steps of its own: "epoch 3/10  validating". Drawn at once.
  void show(std::string_view phase);
  void clear();

 private:
  bool due();

  Terminal& terminal_;
  Log& log_;
  bool quiet_;
  Clock clock_;
  std::optional<double> drawn_;
};

}  // namespace convoy
