#include "launcher/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>

namespace convoy {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;  // "max" is none
  return {};
}

/// The number behind a word at the start of a line: "MemAvailable:  123 kB", "inactive_file 456".
std::optional<std::uint64_t> number_behind(const fs::path& path, const std::string& word) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    std::uint64_t value = 0;
    if (words >> first >> value && first == word) return value;
  }
  return {};
}

/// What a group's limit leaves. Pages of files that were not used lately are given up when memory is short.
std::uint64_t left_in(const fs::path& group, bool version2) {
  const auto limit = number_in(group / (version2 ? "memory.max" : "memory.limit_in_bytes"));
  const auto used = number_in(group / (version2 ? "memory.current" : "memory.usage_in_bytes"));
  if (!limit || !used) return kUnlimited;
  const auto files =
      number_behind(group / "memory.stat", version2 ? "inactive_file" : "total_inactive_file").value_or(0);
  const std::uint64_t held = *used - std::min(files, *used);
  return *limit - std::min(held, *limit);
}

}  // namespace

std::uint64_t free_memory(const fs::path& root) {
  std::uint64_t least = kUnlimited;
  if (const auto available = number_behind(root / "proc/meminfo", "MemAvailable:")) least = *available * 1024;
  std::ifstream groups(root / "proc/self/cgroup");  // "0::/group" or "9:memory:/group"
  for (std::string line; std::getline(groups, line);) {
    const bool version2 = line.starts_with("0::");
    const std::size_t name = line.find(":memory:/");
    if (!version2 && name == std::string::npos) continue;
    const fs::path mount = root / (version2 ? "sys/fs/cgroup" : "sys/fs/cgroup/memory");
    // In a container the group's path may not exist below the mount point, which is then the container's own
    // group.
    fs::path below = fs::path(line.substr(line.find('/') + 1)).lexically_normal();
    if (!below.empty() && *below.begin() == "..") below.clear();
    for (;; below = below.parent_path()) {
      least = std::min(least, left_in(below.empty() ? mount : mount / below, version2));
      if (below.empty()) break;
    }
  }
  return least;
}

ResidentMemory resident_memory(const fs::path& root) {
  const auto bytes = [&](const char* word) {
    return number_behind(root / "proc/self/status", word).value_or(0) * 1024;
  };
  return {bytes("VmHWM:"), bytes("RssAnon:"), bytes("RssFile:"), bytes("RssShmem:")};
}

std::vector<HostMemory> memory_of_hosts(std::span<const std::string> hosts,
                                        std::span<const MemoryNeed> needs) {
  std::map<std::string, HostMemory> found;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    HostMemory& host =
        found.try_emplace(hosts[rank], HostMemory{hosts[rank], 0, {0, kUnlimited}}).first->second;
    ++host.ranks;
    host.memory.needed += needs[rank].needed;
    host.memory.free = std::min(host.memory.free, needs[rank].free);
  }
  std::vector<HostMemory> result;
  for (auto& [name, host] : found) result.push_back(std::move(host));
  return result;
}

}  // namespace convoy
