#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace convoy {

/// Notices when this rank makes no progress: a thread that looks at a counter, which every finished slice and
/// every phase moves. Slow steps are no stalls as long as slices finish.
class Watchdog {
 public:
  /// What was the matter: where() it stood, and for how long.
  struct Stall {
    std::string where;
    double seconds;
  };
  /// `on_stall` is called once, from the watchdog's thread. Time is counted in the thread's own looks, so
  /// that a process or machine that was suspended is not taken for one that hangs.
  Watchdog(double timeout_seconds, std::function<void(const Stall&)> on_stall);
  ~Watchdog();
  /// The time starts anew. At most a week counts: more would be as good as never.
  void set_timeout(double seconds);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Progress within a phase. Cheap, from any thread.
  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  /// A new phase, `step` steps done; `phase` must be a literal. It may stand still for `patience` times the
  /// timeout.
  void enter(const char* phase, std::int64_t step, int patience = 1);
  /// For a phase in which a rank reads or writes whole files, and the others wait for it.
  static constexpr int kFilePatience = 10;

  const char* phase() const { return phase_.load(std::memory_order_relaxed); }
  std::int64_t step() const { return step_.load(std::memory_order_relaxed); }
  /// What the rank is at: "after step 12, saving"; before the first step "while saving"
  std::string where() const;

 private:
  void watch();

  std::function<void(const Stall&)> on_stall_;
  std::atomic<std::uint64_t> beats_{0};
  std::atomic<const char*> phase_{"starting"};
  std::atomic<std::int64_t> step_{0};
  std::atomic<int> patience_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  double timeout_seconds_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace convoy
