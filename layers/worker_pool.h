#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/function_ref.h"

namespace convoy {

/// A fixed number of threads that take numbered items of work, the caller being worker 0. Items are claimed
/// one by one, so a worker that is held up holds up nothing but its own item. Waiting threads sleep.
class WorkerPool {
 public:
  using Work = FunctionRef<void(int worker, std::int64_t item)>;
  using Start = std::function<void()>;

  /// `on_start` runs once in each thread, the caller's included: the place for per-thread processor settings.
  /// Throws DeviceError where the system does not give so many threads.
  explicit WorkerPool(int workers, const Start& on_start = {});
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int workers() const { return static_cast<int>(threads_.size()) + 1; }

  /// Runs work(worker, item) for every item in [0, items) and returns when all are done. If some throw, no
  /// further items are started and the exception of the lowest such item is thrown here.
  void run(std::int64_t items, Work work);

 private:
  void stop();
  void serve(int worker, const Start& on_start);
  void take_items(int worker);

  std::vector<std::thread> threads_;
  std::atomic<std::uint32_t> round_{0};    ///< counts calls of run(); threads sleep on it
  std::atomic<std::uint32_t> serving_{0};  ///< threads that are still in the current round
  std::atomic<bool> stop_{false};
  std::atomic<std::int64_t> next_{0};
  std::int64_t items_ = 0;
  const Work* work_ = nullptr;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  std::int64_t failed_item_ = 0;
};

}  // namespace convoy
