#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_cuda/fake_cuda.h"

namespace convoy::fake_cuda {

/// A piece of queued work.
struct Work {
  std::string name;
  std::function<void()> run;  ///< empty: a mark in a stream
  std::vector<int> devices;   ///< whose memory it may touch
  std::int64_t lane = 0;      ///< the stream that it was queued in, counted from the oldest
  int missing = 0;            ///< streams that take part in it and have not queued it yet

  // Kept by the queue.
  std::int64_t number = 0;
  std::int64_t wanted = 0;  ///< the last want() that it belongs to
  int blockers = 0;         ///< pieces that it waits for
  bool done = false;
  std::vector<std::shared_ptr<Work>> after;
  std::vector<Work*> followers;
};
using WorkPointer = std::shared_ptr<Work>;

/// What is queued on all devices and has not run: a graph of pieces that wait for others.
class WorkQueue {
 public:
  WorkQueue(Order order, std::uint64_t seed, std::function<void(Work&)> execute);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Queues a new piece behind others (which may be done, or null).
  void add(const WorkPointer& work, const std::vector<WorkPointer>& after);
  /// One more stream, having come so far, takes part in a piece with `missing` streams.
  void join(const WorkPointer& work, const std::vector<WorkPointer>& after);

  /// Waits for no more streams than have come.
  void give_up(const WorkPointer& work);

  /// Names what is to be done next: `target` and all that it waits for.
  void want(const WorkPointer& target);
  /// Runs one piece, of those that can run: which one is up to the order. False: none of the wanted can.
  bool step();
  /// Runs what the order wants to have run without being asked.
  void run_unasked();

 private:
  bool is_ready(const Work& work) const { return !work.done && work.blockers == 0 && work.missing == 0; }
  void note_ready(Work& work);
  void block(const WorkPointer& work, const WorkPointer& after);
  void run(std::int64_t number);
  bool run_any();

  Order order_;
  std::mt19937_64 draw_;
  std::function<void(Work&)> execute_;
  std::int64_t next_number_ = 1, next_want_ = 1;
  std::map<std::int64_t, WorkPointer> pending_;                   // by number
  std::map<std::pair<std::int64_t, std::int64_t>, Work*> ready_;  // by lane and number
};

}  // namespace convoy::fake_cuda
