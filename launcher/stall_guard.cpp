#include "launcher/stall_guard.h"

#include <utility>

#include "core/config/experiment.h"
#include "launcher/complaint.h"

namespace convoy {

StallGuard::StallGuard(const World& world)
    : world_(world),
      seconds_(config::Distributed{}.stall_timeout_s),
      report_([this](const CommError& error) { complain(world_, error.what()); }),
      watchdog_(seconds_, [this](const Watchdog::Stall& stall) { end(stall); }) {}

void StallGuard::set_timeout(double seconds) {
  seconds_ = seconds;
  watchdog_.set_timeout(seconds);
}

void StallGuard::report_to(Report report) {
  std::lock_guard lock(mutex_);
  report_ = std::move(report);
}

void StallGuard::end(const Watchdog::Stall& stall) {
  // Each rank knows only of itself, and the first to notice need not be the one that stands still.
  const std::string who =
      world_.size() == 1
          ? ""
          : fmt::format("; rank {} noticed, but any rank may be the one that stands still", world_.rank());
  const CommError error("no progress for {:g} s {}{} (distributed.stall_timeout_s: {:g}); ending all ranks",
                        stall.seconds, stall.where, who, seconds_.load());
  std::lock_guard lock(mutex_);
  report_(error);
  world_.abort(error.code());
}

}  // namespace convoy
