#pragma once

#include <chrono>
#include <sched.h>
#include <time.h>

namespace convoy {

/// The pause between two looks at something that another process does. Two ranks may share a core, so a rank
/// that waits lets the other run: first by yielding, and where the wait is long, by short sleeps that leave
/// the core alone.
class Backoff {
 public:
  void pause() {
    constexpr auto kYieldFor = std::chrono::milliseconds(2);
    constexpr timespec kSleep{0, 100'000};
    if (std::chrono::steady_clock::now() - began_ < kYieldFor)
      sched_yield();
    else
      nanosleep(&kSleep, nullptr);
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace convoy
