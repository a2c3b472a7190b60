#include "comm/thread_communicator.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "core/error.h"

namespace convoy {

namespace {

/// One collective operation: what each rank brought, and how many are through.
struct Operation {
  explicit Operation(int ranks) : data(static_cast<std::size_t>(ranks)) {}
  std::vector<std::span<std::byte>> data;
  int arrived = 0;
  int finished = 0;
};

/// What the ranks of all communicators of one run_ranks() share.
struct Group {
  explicit Group(int count) : ranks(count) {}
  const int ranks;
  std::mutex mutex;
  std::condition_variable changed;
  bool failed = false;
  /// By communicator (duplicates have numbers of their own) and the operation's number on it.
  std::map<std::pair<int, std::int64_t>, std::shared_ptr<Operation>> operations;

  void fail() {
    std::lock_guard lock(mutex);
    failed = true;
    changed.notify_all();
  }
};

/// Reads the other ranks' data and writes this rank's, when all have arrived.
using Body = std::function<void(const Operation& operation)>;

class ThreadPending : public Pending {
 public:
  ThreadPending(Group& group, std::shared_ptr<Operation> operation, Body body)
      : group_(group), operation_(std::move(operation)), body_(std::move(body)) {}
  ~ThreadPending() override {
    try {
      wait();
    } catch (const CommError&) {  // the owner is already unwinding from the error that matters
    }
  }

  void wait() override {
    std::unique_lock lock(group_.mutex);
    await(lock, operation_->arrived);
    finish(lock);
    await(lock, operation_->finished);
  }

  bool test() override {
    std::unique_lock lock(group_.mutex);
    require_alive();
    if (operation_->arrived < group_.ranks) return false;
    finish(lock);
    return operation_->finished == group_.ranks;
  }

 private:
  void require_alive() const {
    if (group_.failed) throw CommError("another rank has failed");
  }
  void await(std::unique_lock<std::mutex>& lock, const int& count) {
    group_.changed.wait(lock, [&] { return group_.failed || count == group_.ranks; });
    require_alive();
  }
  void finish(std::unique_lock<std::mutex>& lock) {
    if (!body_) return;
    const Body body = std::exchange(body_, nullptr);
    lock.unlock();
    body(*operation_);
    lock.lock();
    ++operation_->finished;
    group_.changed.notify_all();
  }

  Group& group_;
  std::shared_ptr<Operation> operation_;
  Body body_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank, int number)
      : group_(std::move(group)), rank_(rank), number_(number) {}

  int rank() const override { return rank_; }
  int size() const override { return group_->ranks; }
  std::unique_ptr<Communicator> duplicate() override {
    barrier();
    // Every rank makes the same duplicates in the same order, so their numbers agree.
    return std::make_unique<ThreadCommunicator>(group_, rank_, number_ * 100 + ++duplicates_);
  }

  void barrier() override {
    start({}, [](const Operation&) {})->wait();
  }

  void broadcast(std::span<std::byte> data, int root) override {
    start(data, [data, root, rank = rank_](const Operation& operation) {
      if (rank != root) std::ranges::copy(operation.data[static_cast<std::size_t>(root)], data.begin());
    })->wait();
  }

  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> counts) override {
    gather(data, counts)->wait();
  }
  PendingPtr start_reduce_scatter(std::span<std::int64_t> data, std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_reduce_scatter(std::span<float> data, std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_all_gather(std::span<float> data, std::span<const std::int64_t> counts) override {
    return gather(data, counts);
  }

 private:
  PendingPtr start(std::span<std::byte> data, Body body) {
    std::lock_guard lock(group_->mutex);
    const auto key = std::pair(number_, next_++);
    auto& operation = group_->operations[key];
    if (!operation) operation = std::make_shared<Operation>(group_->ranks);
    operation->data[static_cast<std::size_t>(rank_)] = data;
    auto pending = std::make_unique<ThreadPending>(*group_, operation, std::move(body));
    if (++operation->arrived == group_->ranks) {
      group_->operations.erase(key);
      group_->changed.notify_all();
    }
    return pending;
  }

  /// This rank's part of `count` elements begins at `begin`.
  struct Part {
    std::size_t begin, count;
  };
  static Part part(std::span<const std::int64_t> counts, int rank) {
    const auto begin = std::accumulate(counts.begin(), counts.begin() + rank, std::int64_t{0});
    return {static_cast<std::size_t>(begin), static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)])};
  }

  template <class T>
  PendingPtr reduce_scatter(std::span<T> data, std::span<const std::int64_t> counts) {
    return start(std::as_writable_bytes(data), [data, mine = part(counts, rank_)](const Operation& operation) {
      for (std::size_t i = mine.begin; i < mine.begin + mine.count; ++i) {
        T sum{};
        for (std::span<std::byte> bytes : operation.data) sum += reinterpret_cast<const T*>(bytes.data())[i];
        data[i] = sum;
      }
    });
  }

  template <class T>
  PendingPtr gather(std::span<T> data, std::span<const std::int64_t> counts) {
    std::vector<Part> parts;
    for (int rank = 0; rank < size(); ++rank) parts.push_back(part(counts, rank));
    return start(std::as_writable_bytes(data), [data, parts, rank = rank_](const Operation& operation) {
      for (std::size_t peer = 0; peer < parts.size(); ++peer) {
        if (peer == static_cast<std::size_t>(rank)) continue;
        const T* theirs = reinterpret_cast<const T*>(operation.data[peer].data()) + parts[peer].begin;
        std::copy_n(theirs, parts[peer].count, data.begin() + static_cast<std::ptrdiff_t>(parts[peer].begin));
      }
    });
  }

  std::shared_ptr<Group> group_;
  int rank_;
  int number_;
  int duplicates_ = 0;
  std::int64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<ThreadCommunicator>(std::make_shared<Group>(1), 0, 0);
}

void run_ranks(int ranks, const std::function<void(Communicator&)>& rank) {
  const auto group = std::make_shared<Group>(ranks);
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::exception_ptr first;
  for (int i = 0; i < ranks; ++i) {
    threads.emplace_back([&, i] {
      try {
        ThreadCommunicator communicator(group, i, 0);
        rank(communicator);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        group->fail();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace convoy
