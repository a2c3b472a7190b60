#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "comm/world.h"
#include "core/error.h"
#include "launcher/watchdog.h"

namespace convoy {

/// Ends all ranks with exit code 4 once this one makes no progress, with a line that says what it was at,
/// which may be waiting for the rank that stands still. A command makes one before it reads anything, with
/// the default of distributed.stall_timeout_s, so that a rank whose disk or network does not answer keeps
/// nobody waiting.
class StallGuard {
 public:
  using Report = std::function<void(const CommError& error)>;

  /// The world must outlive the guard.
  explicit StallGuard(const World& world);

  Watchdog& watchdog() { return watchdog_; }
  /// The config's own distributed.stall_timeout_s, as soon as it is known.
  void set_timeout(double seconds);
  /// Whom to tell from now on, in place of standard error, before all ends; called from the watchdog's
  /// thread. What it refers to must outlive the guard.
  void report_to(Report report);

 private:
  void end(const Watchdog::Stall& stall);

  const World& world_;
  std::atomic<double> seconds_;
  std::mutex mutex_;
  Report report_;
  Watchdog watchdog_;  // the last: its thread uses the others
};

}  // namespace convoy
