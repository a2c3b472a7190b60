#include "comm/mpi_communicator.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <sched.h>

#include "comm/mpi_check.h"

namespace convoy::mpi {

namespace {

/// MPI counts are ints: larger messages travel in pieces of this many elements.
constexpr std::int64_t kPiece = std::int64_t{1} << 28;

template <class T>
MPI_Datatype datatype();
template <>
MPI_Datatype datatype<std::byte>() {
  return MPI_BYTE;
}
template <>
MPI_Datatype datatype<float>() {
  return MPI_FLOAT;
}
template <>
MPI_Datatype datatype<std::int64_t>() {
  return MPI_INT64_T;
}

/// Requests under way, and what to do when all are done.
class Requests : public Pending {
 public:
  ~Requests() override {
    try {
      wait();
    } catch (const CommError&) {  // the owner is already unwinding from the error that matters
    }
  }

  void wait() override {
    // Two ranks may share a core: a rank that waits lets the other run.
    while (!test()) sched_yield();
  }

  bool test() override {
    if (done_) return true;
    int all = 0;
    CONVOY_MPI(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &all, MPI_STATUSES_IGNORE));
    if (!all) return false;
    done_ = true;
    finish();
    return true;
  }

  template <class T>
  void receive(std::span<T> data, int from, MPI_Comm comm) {
    each_piece(data, [&](std::span<T> piece, int tag) {
      CONVOY_MPI(
          MPI_Irecv(piece.data(), static_cast<int>(piece.size()), datatype<T>(), from, tag, comm, &add()));
    });
  }
  template <class T>
  void send(std::span<T> data, int to, MPI_Comm comm) {
    each_piece(data, [&](std::span<T> piece, int tag) {
      CONVOY_MPI(
          MPI_Isend(piece.data(), static_cast<int>(piece.size()), datatype<T>(), to, tag, comm, &add()));
    });
  }
  MPI_Request& add() { return requests_.emplace_back(MPI_REQUEST_NULL); }

 protected:
  virtual void finish() {}

 private:
  template <class T, class Use>
  static void each_piece(std::span<T> data, const Use& use) {
    int tag = 0;
    for (; !data.empty(); ++tag) {
      const std::size_t size = std::min(data.size(), static_cast<std::size_t>(kPiece));
      use(data.first(size), tag);
      data = data.subspan(size);
    }
  }

  std::vector<MPI_Request> requests_;
  bool done_ = false;
};

/// Receives every other rank's values of this rank's part, then adds them in rank order: of integers any
/// order gives the same sum, of floats this one does.
template <class T>
class ReduceScatter : public Requests {
 public:
  ReduceScatter(std::span<T> part, int rank, int size)
      : part_(part), rank_(rank), received_(part.size() * static_cast<std::size_t>(size - 1)) {}

  std::span<T> received(int from) {
    const std::size_t place = static_cast<std::size_t>(from < rank_ ? from : from - 1);
    return std::span(received_).subspan(place * part_.size(), part_.size());
  }

 private:
  void finish() override {
    std::span<const T> rest(received_);
    const std::size_t n = part_.size();
    for (std::size_t i = 0; rank_ > 0 && i < n; ++i) {
      T sum = rest[i];
      for (std::size_t peer = 1; peer < static_cast<std::size_t>(rank_); ++peer) sum += rest[peer * n + i];
      part_[i] = sum + part_[i];
    }
    rest = rest.subspan(static_cast<std::size_t>(rank_) * n);
    for (; !rest.empty(); rest = rest.subspan(n))
      for (std::size_t i = 0; i < n; ++i) part_[i] += rest[i];
  }

  std::span<T> part_;
  int rank_;
  std::vector<T> received_;
};

class MpiCommunicator : public Communicator {
 public:
  explicit MpiCommunicator(MPI_Comm parent) {
    CONVOY_MPI(MPI_Comm_dup(parent, &comm_));
    CONVOY_MPI(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
    CONVOY_MPI(MPI_Comm_rank(comm_, &rank_));
    CONVOY_MPI(MPI_Comm_size(comm_, &size_));
  }
  ~MpiCommunicator() override { MPI_Comm_free(&comm_); }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::unique_ptr<Communicator> duplicate() override { return std::make_unique<MpiCommunicator>(comm_); }

  void barrier() override {
    Requests pending;
    CONVOY_MPI(MPI_Ibarrier(comm_, &pending.add()));
    pending.wait();
  }

  void broadcast(std::span<std::byte> data, int root) override {
    for (; !data.empty(); data = data.subspan(std::min(data.size(), static_cast<std::size_t>(kPiece)))) {
      Requests pending;
      const int size = static_cast<int>(std::min(data.size(), static_cast<std::size_t>(kPiece)));
      CONVOY_MPI(MPI_Ibcast(data.data(), size, MPI_BYTE, root, comm_, &pending.add()));
      pending.wait();
    }
  }

  void all_gather(std::span<std::byte> data, std::span<const std::int64_t> counts) override {
    if (static_cast<std::int64_t>(data.size()) > kPiece) {
      exchange_parts(data, counts)->wait();
      return;
    }
    std::vector<int> sizes(counts.begin(), counts.end());
    std::vector<int> begins(sizes.size(), 0);
    std::partial_sum(sizes.begin(), sizes.end() - 1, begins.begin() + 1);
    Requests pending;
    CONVOY_MPI(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data.data(), sizes.data(), begins.data(),
                               MPI_BYTE, comm_, &pending.add()));
    pending.wait();
  }

  PendingPtr start_reduce_scatter(std::span<std::int64_t> data,
                                  std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_reduce_scatter(std::span<float> data, std::span<const std::int64_t> counts) override {
    return reduce_scatter(data, counts);
  }
  PendingPtr start_all_gather(std::span<float> data, std::span<const std::int64_t> counts) override {
    return exchange_parts(data, counts);
  }

 private:
  /// Calls use(peer, the peer's part) for all others, each rank starting with another peer.
  template <class T, class Use>
  void each_peer(std::span<T> data, std::span<const std::int64_t> counts, const Use& use) const {
    for (int distance = 1; distance < size_; ++distance) {
      const int peer = (rank_ + distance) % size_;
      use(peer, part(data, counts, peer));
    }
  }
  template <class T>
  static std::span<T> part(std::span<T> data, std::span<const std::int64_t> counts, int rank) {
    const auto begin = std::accumulate(counts.begin(), counts.begin() + rank, std::int64_t{0});
    return data.subspan(static_cast<std::size_t>(begin),
                        static_cast<std::size_t>(counts[static_cast<std::size_t>(rank)]));
  }

  template <class T>
  PendingPtr reduce_scatter(std::span<T> data, std::span<const std::int64_t> counts) {
    auto pending = std::make_unique<ReduceScatter<T>>(part(data, counts, rank_), rank_, size_);
    each_peer(data, counts,
              [&](int peer, std::span<T>) { pending->receive(pending->received(peer), peer, comm_); });
    each_peer(data, counts, [&](int peer, std::span<T> theirs) { pending->send(theirs, peer, comm_); });
    return pending;
  }

  template <class T>
  PendingPtr exchange_parts(std::span<T> data, std::span<const std::int64_t> counts) {
    auto pending = std::make_unique<Requests>();
    each_peer(data, counts, [&](int peer, std::span<T> theirs) { pending->receive(theirs, peer, comm_); });
    each_peer(data, counts,
              [&](int peer, std::span<T>) { pending->send(part(data, counts, rank_), peer, comm_); });
    return pending;
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_communicator(MPI_Comm parent) {
  return std::make_unique<MpiCommunicator>(parent);
}

}  // namespace convoy::mpi
