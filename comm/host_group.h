#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "comm/shared_memory.h"

namespace convoy {

/// The ranks of this rank's host, and the memory that they share: every rank's integer sums, where the others
/// read them, two generations of the weights, once for all, and marks by which the ranks follow each other.
class HostGroup {
 public:
  /// `elements`: of the parameter arena. Null, on all ranks alike, where no two ranks share a host, or where
  /// a host lends no memory: `warn` is told which and why, on every rank. Collective.
  static std::unique_ptr<HostGroup> join(Communicator& communicator, std::int64_t elements,
                                         const std::function<void(const std::string&)>& warn);
  /// Bytes that each host's segment takes.
  static std::size_t bytes(std::int64_t elements, int local_ranks);

  /// The ranks of each host, ascending; hosts in the order of their first ranks.
  const std::vector<std::vector<int>>& hosts() const { return hosts_; }
  /// This rank's place among the hosts, and among the ranks of its own.
  int host() const { return host_; }
  int local_rank() const { return local_rank_; }
  int local_size() const { return static_cast<int>(hosts_[static_cast<std::size_t>(host_)].size()); }
  /// Whether this rank writes what its host has once.
  bool leads() const { return local_rank_ == 0; }

  static constexpr int kGenerations = 2;
  std::span<float> weights(int generation) const;
  std::span<std::int64_t> sums(int local_rank) const;

  /// How far a rank has come, counted from 1: `summed` buckets whose sums lie where the others read them,
  /// steps in which it has `read` the others' sums, steps of which it has `written` its part of the weights.
  enum class Mark { summed, read, written };
  /// What this rank wrote before can be read by who sees the mark.
  void set_mark(Mark mark, std::uint64_t count);
  /// Whether all ranks of the host have come so far.
  bool all_at(Mark mark, std::uint64_t count) const;

  /// One of the generations, as it lies on rank 0's host, reaches all hosts. Collective.
  void broadcast(std::span<float> weights, Communicator& communicator) const;

 private:
  struct Layout;
  HostGroup(std::vector<std::vector<int>> hosts, int host, int local_rank, std::int64_t elements,
            SharedMemory memory);
  std::uint64_t& mark_of(int local_rank, Mark mark) const;

  const std::vector<std::vector<int>> hosts_;
  const int host_, local_rank_;
  const std::int64_t elements_;
  SharedMemory memory_;
};

}  // namespace convoy
