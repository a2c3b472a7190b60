#include "launcher/watchdog.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace convoy {

namespace {
constexpr int kLooks = 20;  ///< within the timeout
}

Watchdog::Watchdog(double timeout_seconds, std::function<void(const std::string& where)> on_stall)
    : on_stall_(std::move(on_stall)), thread_([this, timeout_seconds] { watch(timeout_seconds); }) {}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void Watchdog::enter(const char* phase, std::int64_t step) {
  phase_.store(phase, std::memory_order_relaxed);
  step_.store(step, std::memory_order_relaxed);
  beat();
}

std::string Watchdog::where() const { return fmt::format("after step {}, {}", step(), phase()); }

void Watchdog::watch(double timeout_seconds) {
  const auto interval = std::chrono::duration<double>(timeout_seconds / kLooks);
  std::uint64_t seen = beats_;
  int unchanged = 0;
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, interval, [this] { return stop_; })) {
    const std::uint64_t now = beats_.load(std::memory_order_relaxed);
    unchanged = std::exchange(seen, now) == now ? unchanged + 1 : 0;
    if (unchanged < kLooks) continue;
    on_stall_(where());
    return;
  }
}

}  // namespace convoy
