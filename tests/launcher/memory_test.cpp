#include "launcher/memory.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

class FreeMemory : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    test::write_text(root_ / path, text);
  }
  std::filesystem::path root() const { return root_.path(); }

  const test::TemporaryDirectory root_;
};

TEST_F(FreeMemory, IsWhatTheMachineHasAvailable) {
  write("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:   4000 kB\n");
  EXPECT_EQ(free_memory(root()), 4000 * 1024);
}

TEST_F(FreeMemory, IsLimitedByAGroupAndThoseAroundIt) {
  write("proc/meminfo", "MemAvailable: 4000 kB\n");
  write("proc/self/cgroup", "0::/job/step\n");
  write("sys/fs/cgroup/job/step/memory.max", "max\n");
  write("sys/fs/cgroup/job/step/memory.current", "5000\n");
  EXPECT_EQ(free_memory(root()), 4000 * 1024);
  write("sys/fs/cgroup/job/memory.max", "100000\n");
  write("sys/fs/cgroup/job/memory.current", "60000\n");
  write("sys/fs/cgroup/job/memory.stat", "anon 1\ninactive_file 20000\n");
  EXPECT_EQ(free_memory(root()), 60000);
}

TEST_F(FreeMemory, IsLimitedByAGroupOfVersionOne) {
  write("proc/meminfo", "MemAvailable: 4000 kB\n");
  write("proc/self/cgroup", "4:cpu,cpuacct:/elsewhere\n3:memory:/not/mounted/here\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000\n");
  EXPECT_EQ(free_memory(root()), 0U);
}

TEST_F(FreeMemory, IsNotWhatTheProcessHolds) {
  write("proc/self/status",
        "VmPeak:\t 9000 kB\nVmHWM:\t 700 kB\nVmRSS:\t 600 kB\nRssAnon:\t 300 kB\n"
        "RssFile:\t 200 kB\nRssShmem:\t 100 kB\n");
  const ResidentMemory resident = resident_memory(root());
  EXPECT_EQ(resident.peak, 700 * 1024);
  EXPECT_EQ(resident.anonymous, 300 * 1024);
  EXPECT_EQ(resident.files, 200 * 1024);
  EXPECT_EQ(resident.shared, 100 * 1024);
}

TEST(MemoryOfHosts, AddsUpTheRanksOfAHost) {
  const std::vector<std::string> hosts{"a", "b", "a"};
  const std::vector<MemoryNeed> needs{{60, 100}, {60, 100}, {60, 90}};
  const auto found = memory_of_hosts(hosts, needs);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].ranks, 2);
  EXPECT_EQ(found[0].memory.needed, 120U);
  EXPECT_EQ(found[0].memory.free, 90U);
  EXPECT_FALSE(found[0].fits());
  EXPECT_TRUE(found[1].fits());
}

}  // namespace
}  // namespace convoy
