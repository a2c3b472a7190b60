#include "core/arena.h"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>

#include "core/error.h"

namespace convoy {
namespace {

TEST(Arena, IsAlignedZeroedAndWritableUpToItsEnd) {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{100'000}, std::size_t{2} << 20,
                            (std::size_t{5} << 20) + 4}) {
    Arena arena(bytes);
    EXPECT_EQ(arena.size(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.data()) % kAlignment, 0U);
    const auto all = arena.as<std::uint8_t>();
    EXPECT_TRUE(std::all_of(all.begin(), all.end(), [](std::uint8_t byte) { return byte == 0; }));
    std::fill(all.begin(), all.end(), std::uint8_t{1});
  }
}

TEST(Arena, MovesItsMemory) {
  Arena first(4096);
  first.as<int>()[0] = 7;
  const Arena second = std::move(first);
  EXPECT_EQ(second.as<int>()[0], 7);
}

TEST(Arena, TooMuchMemoryIsADeviceError) { EXPECT_THROW(Arena(std::size_t{1} << 60), DeviceError); }

}  // namespace
}  // namespace convoy
