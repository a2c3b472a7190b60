#include "comm/thread_communicator.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "comm/parts.h"
#include "core/error.h"

namespace convoy {

namespace {

/// Where a rank notices that another one threw: the consequence, never the cause.
struct PeerFailed : CommError {
  PeerFailed() : CommError("another rank has failed") {}
};

/// What all ranks must agree on for an operation to be one.
struct Signature {
  const char* name = nullptr;
  std::size_t bytes = 0;
  std::vector<std::int64_t> counts;  ///< of the ranks; for a broadcast, the root

  bool operator==(const Signature& other) const {
    return std::string_view(name) == other.name && bytes == other.bytes && counts == other.counts;
  }
};

/// One collective operation: what each rank brought, and how many ranks have come how far.
struct Operation {
  Operation(Signature agreed, int ranks)
      : signature(std::move(agreed)), data(static_cast<std::size_t>(ranks)) {}

  template <class T>
  std::span<const T> data_of(int rank) const {
    const std::span<const std::byte> bytes = data[static_cast<std::size_t>(rank)];
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  const Signature signature;
  std::vector<std::span<const std::byte>> data;
  int arrived = 0;
  int reading = 0;  ///< ranks that read the others' data at this moment
  int finished = 0;
};

/// The operations of one communicator, and its duplicates; `group.mutex` guards them.
struct Channel {
  std::map<std::int64_t, std::shared_ptr<Operation>>
      operations;  ///< that not all ranks have started, by number
  std::map<std::int64_t, std::shared_ptr<Channel>>
      duplicates;  ///< in the order in which every rank makes them
  /// Messages on their way: from, to, and how many went there before.
  std::map<std::tuple<int, int, std::int64_t>, std::vector<std::byte>> messages;
};

/// What the ranks of one run_ranks() share.
struct Group {
  Group(int count, std::vector<int> host_of_rank) : ranks(count), hosts(std::move(host_of_rank)) {
    if (!hosts.empty()) return;
    hosts.resize(static_cast<std::size_t>(ranks));
    std::iota(hosts.begin(), hosts.end(), 0);
  }

  void fail() {
    std::lock_guard lock(mutex);
    failed = true;
    changed.notify_all();
  }
  void require_alive() const {
    if (failed) throw PeerFailed();
  }

  const int ranks;
  std::vector<int> hosts;
  std::mutex mutex;
  std::condition_variable changed;
  bool failed = false;
};

/// Reads the other ranks' data and writes this rank's, when all have arrived.
using Body = std::function<void(const Operation& operation)>;

class ThreadPending : public Pending {
 public:
  ThreadPending(std::shared_ptr<Group> group, std::shared_ptr<Operation> operation, Body body)
      : group_(std::move(group)), operation_(std::move(operation)), body_(std::move(body)) {}

  ~ThreadPending() override {
    std::unique_lock lock(group_->mutex);
    if (operation_->finished == group_->ranks) return;
    group_->failed = true;
    group_->changed.notify_all();
    // This rank's data is about to go.
    group_->changed.wait(lock, [&] { return operation_->reading == 0; });
  }

  void wait() override {
    std::unique_lock lock(group_->mutex);
    await(lock, operation_->arrived);
    run_body(lock);
    await(lock, operation_->finished);
  }

  bool test() override {
    std::unique_lock lock(group_->mutex);
    if (operation_->finished == group_->ranks) return true;
    group_->require_alive();
    if (operation_->arrived == group_->ranks) run_body(lock);
    return operation_->finished == group_->ranks;
  }

 private:
  void await(std::unique_lock<std::mutex>& lock, const int& count) {
    group_->changed.wait(lock, [&] { return count == group_->ranks || group_->failed; });
    if (count < group_->ranks) group_->require_alive();
  }

  void run_body(std::unique_lock<std::mutex>& lock) {
    if (!body_) return;
    group_->require_alive();
    const Body body = std::exchange(body_, nullptr);
    ++operation_->reading;
    lock.unlock();
    body(*operation_);
    lock.lock();
    --operation_->reading;
    ++operation_->finished;
    group_->changed.notify_all();
  }

  std::shared_ptr<Group> group_;
  std::shared_ptr<Operation> operation_;
  Body body_;
};

/// A message sent: the channel has a copy.
class ThreadSend : public Pending {
 public:
  void wait() override {}
  bool test() override { return true; }
};

class ThreadReceive : public Pending {
 public:
  ThreadReceive(std::shared_ptr<Group> group, std::shared_ptr<Channel> channel,
                std::tuple<int, int, std::int64_t> number, std::span<std::byte> data)
      : group_(std::move(group)), channel_(std::move(channel)), number_(number), data_(data) {}

  void wait() override {
    std::unique_lock lock(group_->mutex);
    group_->changed.wait(lock, [&] { return take() || group_->failed; });
    if (!done_) group_->require_alive();
  }
  bool test() override {
    std::lock_guard lock(group_->mutex);
    if (!take()) group_->require_alive();
    return done_;
  }

 private:
  bool take() {
    const auto message = channel_->messages.find(number_);
    if (done_ || message == channel_->messages.end()) return done_;
    if (message->second.size() != data_.size())
      throw DefectError("a message of {} bytes where another rank sends {}", data_.size(),
                        message->second.size());
    std::ranges::copy(message->second, data_.begin());
    channel_->messages.erase(message);
    return done_ = true;
  }

  std::shared_ptr<Group> group_;
  std::shared_ptr<Channel> channel_;
  std::tuple<int, int, std::int64_t> number_;
  std::span<std::byte> data_;
  bool done_ = false;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, std::shared_ptr<Channel> channel, int rank)
      : group_(std::move(group)),
        channel_(std::move(channel)),
        rank_(rank),
        sent_(static_cast<std::size_t>(group_->ranks)),
        received_(sent_) {}

  int rank() const override { return rank_; }
  int size() const override { return group_->ranks; }
  std::span<const int> hosts() const override { return group_->hosts; }

  std::unique_ptr<Communicator> duplicate() override {
    barrier();
    std::lock_guard lock(group_->mutex);
    auto& channel = channel_->duplicates[duplicates_++];
    if (!channel) channel = std::make_shared<Channel>();
    return std::make_unique<ThreadCommunicator>(group_, channel, rank_);
  }

  void barrier() override {
    start({"barrier", 0, {}}, {}, [](const Operation&) {})->wait();
  }

  void broadcast(std::span<std::byte> data, int root) override {
    start({"broadcast", data.size(), {root}}, data, [data, root, rank = rank_](const Operation& operation) {
      if (rank != root) std::ranges::copy(operation.data_of<std::byte>(root), data.begin());
    })->wait();
  }

  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> counts) override {
    gather(data, counts)->wait();
  }
  PendingPtr start_reduce_scatter(std::span<std::int64_t> data,
                                  std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_reduce_scatter(std::span<float> data, std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_all_gather(std::span<float> data, std::span<const std::int64_t> counts) override {
    return gather(data, counts);
  }

  PendingPtr start_send(std::span<const std::byte> data, int to) override {
    std::lock_guard lock(group_->mutex);
    group_->require_alive();
    channel_->messages[{rank_, to, sent_[static_cast<std::size_t>(to)]++}].assign(data.begin(), data.end());
    group_->changed.notify_all();
    return std::make_unique<ThreadSend>();
  }
  PendingPtr start_receive(std::span<std::byte> data, int from) override {
    const std::tuple number(from, rank_, received_[static_cast<std::size_t>(from)]++);
    return std::make_unique<ThreadReceive>(group_, channel_, number, data);
  }
  void require_alive() override {
    std::lock_guard lock(group_->mutex);
    group_->require_alive();
  }

 private:
  PendingPtr start(const Signature& signature, std::span<const std::byte> data, Body body) {
    std::lock_guard lock(group_->mutex);
    group_->require_alive();
    const std::int64_t number = next_++;
    auto& place = channel_->operations[number];
    if (!place) place = std::make_shared<Operation>(signature, group_->ranks);
    const auto operation = place;
    if (!(operation->signature == signature))
      throw DefectError("rank {} calls {} of {} bytes where another rank calls {} of {}", rank_,
                        signature.name, signature.bytes, operation->signature.name,
                        operation->signature.bytes);
    operation->data[static_cast<std::size_t>(rank_)] = data;
    auto pending = std::make_unique<ThreadPending>(group_, operation, std::move(body));
    if (++operation->arrived == group_->ranks) {
      channel_->operations.erase(number);
      group_->changed.notify_all();
    }
    return pending;
  }

  template <class T>
  PendingPtr reduce_scatter(std::span<T> data, std::span<const std::int64_t> counts) {
    const std::span<T> mine = part_of_rank(data, counts, rank_);
    const std::size_t begin = static_cast<std::size_t>(mine.data() - data.data());
    return start({"reduce-scatter", data.size_bytes(), {counts.begin(), counts.end()}}, std::as_bytes(data),
                 [mine, begin, ranks = size()](const Operation& operation) {
                   for (std::size_t i = 0; i < mine.size(); ++i) {
                     T sum = operation.data_of<T>(0)[begin + i];
                     for (int rank = 1; rank < ranks; ++rank)
                       sum = sum_of(sum, operation.data_of<T>(rank)[begin + i]);
                     mine[i] = sum;
                   }
                 });
  }

  template <class T>
  PendingPtr gather(std::span<T> data, std::span<const std::int64_t> counts) {
    const std::vector<std::int64_t> sizes(counts.begin(), counts.end());
    return start({"all-gather", data.size_bytes(), sizes}, std::as_bytes(data),
                 [data, sizes, ranks = size(), own = rank_](const Operation& operation) {
                   for (int rank = 0; rank < ranks; ++rank)
                     if (rank != own)
                       std::ranges::copy(part_of_rank(operation.data_of<T>(rank), sizes, rank),
                                         part_of_rank(data, sizes, rank).begin());
                 });
  }

  std::shared_ptr<Group> group_;
  std::shared_ptr<Channel> channel_;
  int rank_;
  std::int64_t next_ = 0;  ///< number of the next operation; ranks start the same ones in the same order
  std::int64_t duplicates_ = 0;
  std::vector<std::int64_t> sent_, received_;  ///< messages, by the other rank
};

}  // namespace

void run_ranks(int ranks, const std::function<void(Communicator&)>& rank, std::vector<int> hosts) {
  const auto group = std::make_shared<Group>(ranks, std::move(hosts));
  const auto channel = std::make_shared<Channel>();
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::exception_ptr cause, consequence;
  for (int i = 0; i < ranks; ++i) {
    threads.emplace_back([&, i] {
      try {
        ThreadCommunicator communicator(group, channel, i);
        rank(communicator);
        return;
      } catch (const PeerFailed&) {
        std::lock_guard lock(mutex);
        if (!consequence) consequence = std::current_exception();
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!cause) cause = std::current_exception();
      }
      group->fail();
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (cause) std::rethrow_exception(cause);
  if (consequence) std::rethrow_exception(consequence);
}

}  // namespace convoy
