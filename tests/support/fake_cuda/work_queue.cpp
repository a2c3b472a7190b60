#include "tests/support/fake_cuda/work_queue.h"

#include <algorithm>
#include <iterator>

namespace convoy::fake_cuda {

WorkQueue::WorkQueue(Order order, std::uint64_t seed, std::function<void(Work&)> execute)
    : order_(order), draw_(seed), execute_(std::move(execute)) {}

WorkQueue::~WorkQueue() {
  for (const auto& [number, work] : pending_) work->after.clear();  // not one within the other
}

void WorkQueue::add(const WorkPointer& work, const std::vector<WorkPointer>& after) {
  work->number = next_number_++;
  pending_[work->number] = work;
  for (const auto& other : after) block(work, other);
  note_ready(*work);
}

void WorkQueue::join(const WorkPointer& work, const std::vector<WorkPointer>& after) {
  if (work->number == 0) add(work, {});
  for (const auto& other : after) block(work, other);
  if (work->missing > 0) --work->missing;  // else it was given up before
  note_ready(*work);
}

void WorkQueue::give_up(const WorkPointer& work) {
  work->missing = 0;
  if (work->number != 0) note_ready(*work);
}

void WorkQueue::block(const WorkPointer& work, const WorkPointer& after) {
  if (!after || after->done) return;
  work->after.push_back(after);
  after->followers.push_back(work.get());
  ++work->blockers;
}

void WorkQueue::note_ready(Work& work) {
  if (is_ready(work)) ready_[{work.lane, work.number}] = &work;
}

void WorkQueue::want(const WorkPointer& target) {
  const std::int64_t mark = next_want_++;
  std::vector<Work*> open = {target.get()};
  while (!open.empty()) {
    Work* work = open.back();
    open.pop_back();
    if (work->done || work->wanted == mark) continue;
    work->wanted = mark;
    for (const auto& other : work->after) open.push_back(other.get());
  }
}

bool WorkQueue::step() {
  const std::int64_t mark = next_want_ - 1;
  const auto wanted = [&](const auto& entry) { return entry.second->wanted == mark; };
  const auto newest = std::find_if(ready_.rbegin(), ready_.rend(), wanted);
  if (newest == ready_.rend()) return false;
  if (order_ == Order::latest) {
    run(newest->second->number);
    return true;
  }
  return run_any();
}

void WorkQueue::run_unasked() {
  if (order_ == Order::eager) {
    while (run_any()) {
    }
  } else if (order_ == Order::seeded) {
    if (draw_() % 32 != 0) return;  // seldom, but then much: opening the memory takes time
    while (draw_() % 8 != 0 && run_any()) {
    }
  }
}

bool WorkQueue::run_any() {
  if (ready_.empty()) return false;
  auto chosen = ready_.begin();
  if (order_ == Order::seeded) {
    std::advance(chosen, static_cast<std::ptrdiff_t>(draw_() % ready_.size()));
  } else {
    const auto older = [](const auto& a, const auto& b) { return a.second->number < b.second->number; };
    chosen = std::min_element(ready_.begin(), ready_.end(), older);
  }
  run(chosen->second->number);
  return true;
}

void WorkQueue::run(std::int64_t number) {
  const WorkPointer work = pending_.at(number);
  ready_.erase({work->lane, work->number});
  if (work->run) execute_(*work);
  work->done = true;
  work->run = nullptr;
  work->after.clear();
  pending_.erase(number);
  for (Work* follower : work->followers) {
    --follower->blockers;
    note_ready(*follower);
  }
  work->followers.clear();
}

}  // namespace convoy::fake_cuda
