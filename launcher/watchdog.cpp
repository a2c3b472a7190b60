#include "launcher/watchdog.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

namespace convoy {

namespace {
constexpr int kLooks = 20;  ///< within the timeout
constexpr double kLongestTimeout = 7 * 24 * 3600;
}  // namespace

Watchdog::Watchdog(double timeout_seconds, std::function<void(const Stall&)> on_stall)
    : on_stall_(std::move(on_stall)), timeout_seconds_(timeout_seconds), thread_([this] { watch(); }) {}

void Watchdog::set_timeout(double seconds) {
  {
    std::lock_guard lock(mutex_);
    timeout_seconds_ = seconds;
  }
  changed_.notify_all();
}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watchdog::enter(const char* phase, std::int64_t step, int patience) {
  patience_.store(patience, std::memory_order_relaxed);
  phase_.store(phase, std::memory_order_relaxed);
  step_.store(step, std::memory_order_relaxed);
  beat();
}

std::string Watchdog::where() const {
  return step() == 0 ? fmt::format("while {}", phase()) : fmt::format("after step {}, {}", step(), phase());
}

void Watchdog::watch() {
  std::uint64_t seen = beats_;
  int unchanged = 0;
  std::unique_lock lock(mutex_);
  double timeout = timeout_seconds_;
  while (!stop_) {
    const std::chrono::duration<double> interval(std::min(timeout, kLongestTimeout) / kLooks);
    changed_.wait_for(lock, interval, [&] { return stop_ || timeout_seconds_ != timeout; });
    const std::uint64_t now = beats_.load(std::memory_order_relaxed);
    const bool anew = std::exchange(timeout, timeout_seconds_) != timeout;
    unchanged = std::exchange(seen, now) == now && !anew ? unchanged + 1 : 0;
    if (stop_ || unchanged < kLooks * patience_.load(std::memory_order_relaxed)) continue;
    on_stall_({where(), timeout * patience_.load(std::memory_order_relaxed)});
    return;
  }
}

}  // namespace convoy
