#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mpi.h>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "comm/buffer_pool.h"

namespace convoy::mpi {

template <class T>
MPI_Datatype datatype();
template <>
inline MPI_Datatype datatype<std::byte>() {
  return MPI_BYTE;
}
template <>
inline MPI_Datatype datatype<float>() {
  return MPI_FLOAT;
}
template <>
inline MPI_Datatype datatype<std::int64_t>() {
  return MPI_INT64_T;
}

/// What the operations of one communicator share.
struct Shared {
  BufferPool buffers;
  /// Set when an operation was given up: how long the others may still take to let go of their buffers.
  std::optional<std::chrono::steady_clock::time_point> let_go_until;
};

/// MPI requests in the order in which they were made. While any is under way its buffer belongs to MPI: the
/// destructor takes the buffers back, by cancelling receives and by giving the peers a second to take what is
/// being sent.
class Requests {
 public:
  Requests(MPI_Comm comm, std::shared_ptr<Shared> shared) : comm_(comm), shared_(std::move(shared)) {}
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Between two ranks, messages arrive in the order in which they were sent. At most 2^31 - 1 elements.
  template <class T>
  void receive(std::span<T> data, int from) {
    receive(data.data(), data.size(), datatype<T>(), from);
  }
  template <class T>
  void send(std::span<const T> data, int to) {
    send(data.data(), data.size(), datatype<T>(), to);
  }
  /// For a collective call to fill in.
  MPI_Request* add() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

  std::size_t size() const { return requests_.size(); }
  /// Makes progress; true when these requests are done. Throws CommError.
  bool test(std::size_t first, std::size_t count);
  bool test() { return test(0, requests_.size()); }

 private:
  void receive(void* data, std::size_t elements, MPI_Datatype type, int from);
  void send(const void* data, std::size_t elements, MPI_Datatype type, int to);

  MPI_Comm comm_;
  std::shared_ptr<Shared> shared_;
  std::vector<MPI_Request> requests_;
  std::vector<MPI_Status> statuses_;
  std::vector<std::size_t> receives_;
};

}  // namespace convoy::mpi
