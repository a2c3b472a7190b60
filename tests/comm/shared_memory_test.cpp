#include "comm/shared_memory.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/comm/no_room.h"

namespace convoy {
namespace {

constexpr std::size_t kBytes = 100'000;

std::string path_of(const std::string& name) { return "/dev/shm" + name; }

TEST(SharedMemory, IsSeenByAllWhoOpenItAndByNoOtherUser) {
  SharedMemory first = SharedMemory::create("test", kBytes);
  first.reserve(0, kBytes);
  EXPECT_TRUE(std::ranges::all_of(first.bytes(), [](std::byte byte) { return byte == std::byte{0}; }));
  const SharedMemory second = SharedMemory::open(first.name(), kBytes);
  first.bytes()[kBytes - 1] = std::byte{7};
  EXPECT_EQ(second.bytes()[kBytes - 1], std::byte{7});
  struct stat facts {};
  ASSERT_EQ(stat(path_of(first.name()).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST(SharedMemory, IsGoneWithItsCreatorAndUsableUntilTheLastLetsGo) {
  std::optional<SharedMemory> first(SharedMemory::create("test", kBytes));
  first->reserve(0, kBytes);
  const std::string name = first->name();
  const SharedMemory second = SharedMemory::open(name, kBytes);
  first.reset();
  EXPECT_FALSE(std::filesystem::exists(path_of(name)));
  second.bytes()[5] = std::byte{1};
  EXPECT_THROW(SharedMemory::open(name, kBytes), DeviceError);
}

TEST(SharedMemory, OfAnotherSizeIsRefused) {
  const SharedMemory memory = SharedMemory::create("test", kBytes);
  EXPECT_THROW(SharedMemory::open(memory.name(), kBytes + 1), DeviceError);
}

TEST(SharedMemory, WithoutRoomIsAnErrorThatSaysSoAndLeavesNothing) {
  const NoRoom no_room(kBytes / 2);
  try {
    SharedMemory memory = SharedMemory::create("test-room", kBytes);
    memory.reserve(0, kBytes);
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(),
                testing::MatchesRegex("no shared memory: .* of /dev/shm/convoy.*: File too large"));
  }
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
    EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::HasSubstr("test-room")));
}

/// The name of a segment that a process has made which was killed.
std::string name_left_behind(const char* kind) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const SharedMemory memory = SharedMemory::create(kind, kBytes);
    if (write(pipe_ends[1], memory.name().data(), memory.name().size()) > 0) raise(SIGKILL);
  }
  std::string name(200, '\0');
  const auto length = read(pipe_ends[0], name.data(), name.size());
  name.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  waitpid(child, nullptr, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return name;
}

TEST(SharedMemory, OfDeadProcessesIsRemovedAndThatOfLivingOnesIsNot) {
  const std::string dead = name_left_behind("test-stale");
  const SharedMemory living = SharedMemory::create("test-stale", kBytes);
  ASSERT_TRUE(std::filesystem::exists(path_of(dead)));
  SharedMemory::remove_stale("test");  // another kind
  EXPECT_TRUE(std::filesystem::exists(path_of(dead)));
  SharedMemory::remove_stale("test-stale");
  EXPECT_FALSE(std::filesystem::exists(path_of(dead)));
  EXPECT_TRUE(std::filesystem::exists(path_of(living.name())));
}

}  // namespace
}  // namespace convoy
