#include "layers/worker_pool.h"

#include <system_error>
#include <utility>

#include "core/error.h"

namespace convoy {

WorkerPool::WorkerPool(int workers, const Start& on_start) {
  if (on_start) on_start();
  threads_.reserve(static_cast<std::size_t>(workers - 1));
  try {
    for (int worker = 1; worker < workers; ++worker)
      threads_.emplace_back([this, worker, on_start] { serve(worker, on_start); });
  } catch (const std::system_error& error) {
    const std::size_t started = threads_.size() + 1;
    stop();
    throw DeviceError(
        "only {} of {} threads could be started ({}); set distributed.threads_per_rank to fewer", started,
        workers, error.code().message());
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::stop() {
  stop_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::serve(int worker, const Start& on_start) {
  if (on_start) on_start();
  for (std::uint32_t seen = 0;;) {
    round_.wait(seen);
    if (stop_) return;
    seen = round_;
    take_items(worker);
    if (--serving_ == 0) serving_.notify_all();
  }
}

void WorkerPool::take_items(int worker) {
  for (;;) {
    const std::int64_t item = next_++;
    if (item >= items_) return;
    try {
      (*work_)(worker, item);
    } catch (...) {
      next_ = items_;
      std::lock_guard lock(failure_mutex_);
      if (!failure_ || item < failed_item_) {
        failure_ = std::current_exception();
        failed_item_ = item;
      }
    }
  }
}

void WorkerPool::run(std::int64_t items, Work work) {
  items_ = items;
  work_ = &work;
  next_ = 0;
  if (!threads_.empty() && items > 1) {
    serving_ = static_cast<std::uint32_t>(threads_.size());
    ++round_;
    round_.notify_all();
    take_items(0);
    for (std::uint32_t left = serving_; left != 0; left = serving_) serving_.wait(left);
  } else {
    take_items(0);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace convoy
