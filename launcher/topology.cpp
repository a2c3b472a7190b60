#include "launcher/topology.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sched.h>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "launcher/atomic_file.h"

namespace convoy {
namespace fs = std::filesystem;
namespace {

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The lowest logical processor of the core that a processor belongs to.
int core_of(int processor, const fs::path& root) {
  const std::string siblings =
      first_line(root / fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", processor));
  int lowest = processor;
  std::istringstream(siblings) >> lowest;  // "0,4" or "0-1": ascending
  return lowest < 0 ? processor : lowest;
}

/// A hierarchy of control groups that can limit processor time, as it is mounted.
struct Hierarchy {
  bool version2 = false;
  std::string mounted_group;  ///< the group that is visible at the mount point: "/", or a container's own
  std::string mount_point;
};

/// Lines of /proc/self/mountinfo: "36 35 0:30 /group /sys/fs/cgroup/cpu rw,… - cgroup cgroup rw,cpu,cpuacct".
std::optional<Hierarchy> parse_mount(const std::string& line) {
  std::istringstream words(line);
  std::string skipped;
  Hierarchy hierarchy;
  words >> skipped >> skipped >> skipped >> hierarchy.mounted_group >> hierarchy.mount_point;
  while (words >> skipped && skipped != "-") {
  }
  std::string type;
  std::string options;
  words >> type >> skipped >> options;
  hierarchy.version2 = type == "cgroup2";
  const bool limits_time =
      hierarchy.version2 || (type == "cgroup" && ("," + options + ",").find(",cpu,") != std::string::npos);
  if (!limits_time) return {};
  return hierarchy;
}

/// This process's group in a hierarchy, from /proc/self/cgroup: "0::/group" or "4:cpu,cpuacct:/group".
std::optional<std::string> own_group(const Hierarchy& hierarchy, const fs::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool matches =
        hierarchy.version2 ? controllers == ",," : controllers.find(",cpu,") != std::string::npos;
    if (matches) return line.substr(second + 1);
  }
  return {};
}

std::optional<double> quota_of(const fs::path& group, bool version2) {
  double quota = 0;
  double period = 0;
  if (version2) {
    std::istringstream(first_line(group / "cpu.max")) >> quota >> period;  // "max 100000" fails to parse
  } else {
    std::istringstream(first_line(group / "cpu.cfs_quota_us")) >> quota;  // -1: none
    std::istringstream(first_line(group / "cpu.cfs_period_us")) >> period;
  }
  if (quota <= 0 || period <= 0) return {};
  return quota / period;
}

void add_quotas(const Hierarchy& hierarchy, const fs::path& root, std::vector<CpuQuota>& quotas) {
  const std::string group = own_group(hierarchy, root).value_or("/");
  // The part of the group's path below what is mounted; in a container the two may not fit, and the mount
  // point is the container's own group.
  const std::string prefix = hierarchy.mounted_group == "/" ? "" : hierarchy.mounted_group;
  fs::path below;
  if (group.starts_with(prefix + "/")) below = fs::path(group.substr(prefix.size() + 1)).lexically_normal();
  if (!below.empty() && *below.begin() == "..") below.clear();
  for (;; below = below.parent_path()) {
    const fs::path mount = hierarchy.mount_point;
    const fs::path seen = below.empty() ? mount : mount / below;
    if (const auto cores = quota_of(root / seen.relative_path(), hierarchy.version2)) {
      quotas.push_back({seen.string(), *cores});
    }
    if (below.empty()) return;
  }
}

/// The sum of a rank's shares in its cores.
double core_share(const AllowedCpus& rank, const std::map<int, int>& users) {
  double share = 0;
  for (const int core : rank.cores) share += 1.0 / users.at(core);
  return share;
}

struct HostUse {
  std::map<int, int> core_users;
  std::map<std::string, int> group_members;
};

}  // namespace

void to_json(nlohmann::json& json, const AllowedCpus& facts) {
  json = {{"cores", facts.cores}, {"quotas", nlohmann::json::array()}};
  for (const CpuQuota& quota : facts.quotas)
    json["quotas"].push_back({{"group", quota.group}, {"cores", quota.cores}});
}

void from_json(const nlohmann::json& json, AllowedCpus& facts) {
  json.at("cores").get_to(facts.cores);
  facts.quotas.clear();
  for (const auto& quota : json.at("quotas")) {
    facts.quotas.push_back({quota.at("group").get<std::string>(), quota.at("cores").get<double>()});
  }
}

std::vector<int> affinity_mask() {
  // The kernel refuses sets smaller than its own, which may be far larger than the machine.
  for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
    const auto free = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(free)> set(CPU_ALLOC(processors), free);
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    if (set == nullptr) break;
    if (::sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      break;
    }
    std::vector<int> mask;
    for (int i = 0; i < processors; ++i) {
      if (CPU_ISSET_S(i, bytes, set.get())) mask.push_back(i);
    }
    return mask;
  }
  throw DeviceError("cannot read which processors this process may use: {}", system_error_text());
}

AllowedCpus read_allowed_cpus(std::span<const int> mask, const fs::path& root) {
  AllowedCpus facts;
  for (const int processor : mask) facts.cores.push_back(core_of(processor, root));
  std::ranges::sort(facts.cores);
  facts.cores.erase(std::unique(facts.cores.begin(), facts.cores.end()), facts.cores.end());
  std::ifstream mounts(root / "proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (const auto hierarchy = parse_mount(line)) add_quotas(*hierarchy, root, facts.quotas);
  }
  return facts;
}

std::vector<double> core_shares(std::span<const std::string> hosts, std::span<const AllowedCpus> facts) {
  require(hosts.size() == facts.size(), "every rank sends a host and its processors");
  std::map<std::string, HostUse> uses;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    HostUse& use = uses[hosts[rank]];
    for (const int core : facts[rank].cores) ++use.core_users[core];
    for (const CpuQuota& quota : facts[rank].quotas) ++use.group_members[quota.group];
  }
  std::vector<double> shares;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    const HostUse& use = uses[hosts[rank]];
    double share = core_share(facts[rank], use.core_users);
    for (const CpuQuota& quota : facts[rank].quotas)
      share = std::min(share, quota.cores / use.group_members.at(quota.group));
    shares.push_back(share);
  }
  return shares;
}

std::vector<int> threads_for_ranks(std::span<const double> core_shares) {
  constexpr double kRounding = 1e-6;  // 1/3 + 1/3 + 1/3 is a whole core
  std::vector<int> threads;
  for (const double share : core_shares) threads.push_back(std::max(static_cast<int>(share + kRounding), 1));
  return threads;
}

}  // namespace convoy
