#pragma once

namespace convoy {

/// While it lives, SIGTERM, SIGINT and SIGUSR1 ask the training to stop after the step under way; a second
/// one ends the process at once. One object a process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static bool received();
};

}  // namespace convoy
