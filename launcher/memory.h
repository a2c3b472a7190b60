#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// Bytes of memory that this process could still take: what the machine has available, or what the limits of
/// its control group and those around it leave, if that is less. Reads /proc and /sys below `root` (control
/// groups of version 1 and 2); what cannot be read limits nothing.
std::uint64_t free_memory(const std::filesystem::path& root = "/");

/// The memory of this process that is in the machine's, in bytes.
struct ResidentMemory {
  std::uint64_t peak = 0;       ///< the most so far, of all kinds together
  std::uint64_t anonymous = 0;  ///< now: what the process has allocated …
  std::uint64_t files = 0;      ///< … pages of files: data, the program and its libraries …
  std::uint64_t shared = 0;     ///< … and what it shares with other processes
};
/// From /proc below `root`; zeros where that cannot be read.
ResidentMemory resident_memory(const std::filesystem::path& root = "/");

/// What a rank needs, and what its host had free before.
struct MemoryNeed {
  std::uint64_t needed = 0;
  std::uint64_t free = 0;
};

/// One host's ranks together.
struct HostMemory {
  std::string host;
  int ranks = 0;
  MemoryNeed memory;
  bool fits() const { return memory.needed <= memory.free; }
};
/// Hosts and needs in rank order; of a host's figures of what is free, the least.
std::vector<HostMemory> memory_of_hosts(std::span<const std::string> hosts,
                                        std::span<const MemoryNeed> needs);

}  // namespace convoy
