#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// A limit on the processor time of a control group and everything in it.
struct CpuQuota {
  std::string group;  ///< the group's directory: equal for processes that share the limit
  double cores = 0;

  friend bool operator==(const CpuQuota&, const CpuQuota&) = default;
};

/// The processors that one process may use.
struct AllowedCpus {
  std::vector<int>
      cores;  ///< physical cores of its affinity mask, each named by its lowest logical processor
  std::vector<CpuQuota> quotas;  ///< of its control group and those around it; none: no limit

  friend bool operator==(const AllowedCpus&, const AllowedCpus&) = default;
};

void to_json(nlohmann::json& json, const AllowedCpus& facts);
void from_json(const nlohmann::json& json, AllowedCpus& facts);

/// The logical processors that the calling thread may run on, ascending.
std::vector<int> affinity_mask();

/// Reads /proc and /sys below `root` (control groups of version 1 and 2; siblings of a core). What cannot be
/// read limits nothing.
AllowedCpus read_allowed_cpus(std::span<const int> mask, const std::filesystem::path& root = "/");

/// How many cores each rank may count on; hosts and facts in rank order. A core that k ranks of a host may
/// use counts 1/k for each of them, and a quota is divided by the ranks of its group; a rank gets the smaller
/// sum.
std::vector<double> core_shares(std::span<const std::string> hosts, std::span<const AllowedCpus> facts);

/// How many threads each rank runs under `threads_per_rank: auto`; its share of
/// the cores, rounded down (a thread too many would wait in every step for all others), but at least 1. So no
/// host runs more threads than cores, unless it has more ranks than cores.
std::vector<int> threads_for_ranks(std::span<const double> core_shares);

}  // namespace convoy
