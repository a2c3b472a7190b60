#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace convoy {

/// An operation under way. Its buffers must stay untouched until wait() returned or test() was true.
/// Destroying one earlier, as an exception that unwinds a rank does, gives the operation up: the buffers are
/// free soon after whatever the other ranks do, and the communicator serves no more operations; those of
/// other ranks that need this one fail or wait, so the rank must take them down (World).
class Pending {
 public:
  virtual ~Pending() = default;
  /// Blocks until done, yielding the core meanwhile. Throws CommError.
  virtual void wait() = 0;
  /// Makes progress; true when done.
  virtual bool test() = 0;
};

using PendingPtr = std::unique_ptr<Pending>;

/// A fixed group of ranks and its collective operations. All ranks call the same operations in the same order
/// with the same sizes. Counts are elements, 64-bit. One thread at a time calls a communicator; operations
/// started on the same communicator may overlap. Throws CommError naming the operation and the library's own
/// words.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// For each rank the number of its host: equal for ranks that can share memory.
  virtual std::span<const int> hosts() const = 0;
  /// A communicator of the same ranks whose operations never mix with this one's. Collective.
  virtual std::unique_ptr<Communicator> duplicate() = 0;

  virtual void barrier() = 0;
  /// log2(n) rounds; every rank ends with the root's bytes.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  /// `data` holds counts[0] + … + counts[size - 1] bytes in rank order; each rank has filled its own part,
  /// and ends with all of them.
  virtual void all_gather(std::span<std::byte> data, std::span<const std::int64_t> counts) = 0;

  /// Sums over ranks: of `data` (counts[0] + … elements in rank order) each rank ends with the sum of its own
  /// part in place; the other parts are undefined afterwards. n - 1 messages, bytes * (n - 1) / n a rank.
  virtual PendingPtr start_reduce_scatter(std::span<std::int64_t> data,
                                          std::span<const std::int64_t> counts) = 0;
  virtual PendingPtr start_reduce_scatter(std::span<float> data, std::span<const std::int64_t> counts) = 0;
  /// As all_gather, not blocking.
  virtual PendingPtr start_all_gather(std::span<float> data, std::span<const std::int64_t> counts) = 0;

  /// Messages from one rank to another, which alone take part. They arrive in the order in which they were
  /// started, each in a place of its size.
  virtual PendingPtr start_send(std::span<const std::byte> data, int to) = 0;
  virtual PendingPtr start_receive(std::span<std::byte> data, int from) = 0;

  /// Throws CommError where another rank is known to have failed: for who waits for one in another way than
  /// by these operations.
  virtual void require_alive() {}
};

}  // namespace convoy
