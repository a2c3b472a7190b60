#include "launcher/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sched.h>
#include <set>
#include <thread>

#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int> range(int from, int to) {
  std::vector<int> values(static_cast<std::size_t>(to - from));
  std::iota(values.begin(), values.end(), from);
  return values;
}

std::vector<int> threads_on_one_host(const std::vector<AllowedCpus>& facts) {
  return threads_for_ranks(core_shares(std::vector<std::string>(facts.size(), "node"), facts));
}

TEST(Threads, DivideCoresThatRanksShare) {
  const AllowedCpus all{range(0, 8), {}};
  EXPECT_THAT(threads_on_one_host({all}), ElementsAre(8));
  EXPECT_THAT(threads_on_one_host({all, all}), ElementsAre(4, 4));
  EXPECT_THAT(threads_on_one_host({all, all, all}), ElementsAre(2, 2, 2));
  EXPECT_THAT(threads_on_one_host(std::vector(9, all)), Each(1));
  EXPECT_THAT(threads_on_one_host(std::vector(7, AllowedCpus{range(0, 7), {}})), Each(1))
      << "seven times 1/7 is 1";
  EXPECT_THAT(threads_on_one_host(std::vector(3, AllowedCpus{range(0, 9), {}})), Each(3));
}

TEST(Threads, FollowTheBinding) {
  EXPECT_THAT(threads_on_one_host({{{0}, {}}, {{1}, {}}}), ElementsAre(1, 1));
  EXPECT_THAT(threads_on_one_host({{range(0, 4), {}}, {range(4, 8), {}}}), ElementsAre(4, 4));
  // Two ranks on one socket, one alone on the other.
  EXPECT_THAT(threads_on_one_host({{range(0, 4), {}}, {range(0, 4), {}}, {range(4, 8), {}}}),
              ElementsAre(2, 2, 4));
  // Masks that overlap in part never give more threads than cores.
  const auto threads = threads_on_one_host({{range(0, 6), {}}, {range(4, 8), {}}, {range(0, 8), {}}});
  EXPECT_LE(std::accumulate(threads.begin(), threads.end(), 0), 8);
}

TEST(Threads, OfOtherHostsDoNotCount) {
  const AllowedCpus all{range(0, 4), {{"/sys/fs/cgroup", 4}}};
  EXPECT_THAT(
      threads_for_ranks(core_shares(std::vector<std::string>{"a", "b", "b"}, std::vector{all, all, all})),
      ElementsAre(4, 2, 2));
}

TEST(Threads, StayBelowTheQuotaThatRanksShare) {
  const AllowedCpus limited{range(0, 16), {{"/sys/fs/cgroup", 6}}};
  EXPECT_THAT(threads_on_one_host({limited}), ElementsAre(6));
  EXPECT_THAT(threads_on_one_host({limited, limited}), ElementsAre(3, 3));
  EXPECT_THAT(threads_on_one_host({{range(0, 16), {{"/g", 2.5}}}}), ElementsAre(2));
  EXPECT_THAT(threads_on_one_host({{range(0, 16), {{"/g", 0.5}}}}), ElementsAre(1));
  // Each rank in a group of its own, as some schedulers do, within one group of the job.
  EXPECT_THAT(threads_on_one_host({{range(0, 16), {{"/job/0", 4}, {"/job", 6}}},
                                   {range(0, 16), {{"/job/1", 4}, {"/job", 6}}}}),
              ElementsAre(3, 3));
}

class CpuReading : public testing::Test {
 protected:
  void write(const std::string& path, std::string_view text) {
    fs::create_directories((directory_ / path).parent_path());
    test::write_text(directory_ / path, text);
  }
  AllowedCpus read(const std::vector<int>& mask = {0, 1, 2, 3}) {
    return read_allowed_cpus(mask, directory_.path());
  }

  const test::TemporaryDirectory directory_;
};

TEST_F(CpuReading, LimitsNothingWhereNothingIsKnown) { EXPECT_EQ(read(), (AllowedCpus{{0, 1, 2, 3}, {}})); }

TEST_F(CpuReading, CountsACoreOnceForBothItsThreads) {
  write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n");
  write("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n");
  write("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1-3\n");
  write("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1-3\n");
  EXPECT_THAT(read().cores, ElementsAre(0, 1));
  EXPECT_THAT(read({2}).cores, ElementsAre(0));
}

TEST_F(CpuReading, FindsQuotasOfVersion2InAllGroupsAround) {
  write("proc/self/cgroup", "0::/job/task\n");
  write("proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  write("sys/fs/cgroup/job/cpu.max", "350000 100000\n");
  write("sys/fs/cgroup/job/task/cpu.max", "max 100000\n");
  EXPECT_THAT(read().quotas, ElementsAre(CpuQuota{"/sys/fs/cgroup/job", 3.5}));
  write("sys/fs/cgroup/job/task/cpu.max", "200000 100000\n");
  EXPECT_THAT(read().quotas,
              ElementsAre(CpuQuota{"/sys/fs/cgroup/job/task", 2}, CpuQuota{"/sys/fs/cgroup/job", 3.5}));
}

TEST_F(CpuReading, FindsTheQuotaOfAContainerOfVersion2) {
  write("proc/self/cgroup", "0::/\n");
  write("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  write("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_THAT(read().quotas, ElementsAre(CpuQuota{"/sys/fs/cgroup", 1.5}));
}

TEST_F(CpuReading, FindsQuotasOfVersion1) {
  write("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/s\n0::/\n");
  write("proc/self/mountinfo",
        "30 29 0:26 /s /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,relatime - cgroup cgroup rw,cpu,cpuacct\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(read().quotas, IsEmpty());
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
  EXPECT_THAT(read().quotas, ElementsAre(CpuQuota{"/sys/fs/cgroup/cpu,cpuacct", 4}));
}

TEST_F(CpuReading, StaysInsideTheMountWhateverTheGroupSays) {
  write("proc/self/cgroup", "0::/../../other\n");
  write("proc/self/mountinfo",
        "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\nrubbish\n\n1 2 - cgroup2\n");
  write("sys/fs/cgroup/cpu.max", "rubbish\n");
  EXPECT_THAT(read().quotas, IsEmpty());
}

TEST(CpuFactsHere, FollowTheAffinityOfTheThread) {
  const std::vector<int> all = affinity_mask();
  ASSERT_FALSE(all.empty());
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(all.back()), &one);
    ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_THAT(affinity_mask(), ElementsAre(all.back()));
  }).join();
  const AllowedCpus facts = read_allowed_cpus(all);
  EXPECT_FALSE(facts.cores.empty());
  EXPECT_LE(facts.cores.size(), all.size());
  EXPECT_EQ(nlohmann::json(facts).get<AllowedCpus>(), facts);
}

TEST(CpuFactsHere, TravelAsJson) {
  const AllowedCpus facts{{0, 2}, {{"/g", 2.5}}};
  EXPECT_EQ(nlohmann::json::parse(nlohmann::json(facts).dump()).get<AllowedCpus>(), facts);
}

}  // namespace
}  // namespace convoy
