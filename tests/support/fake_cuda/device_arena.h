#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace convoy::fake_cuda {

/// A device's memory: a range of addresses that nothing may touch but while it is open. No address is ever
/// given out twice, and whatever is not given out cannot be touched at all, open or not.
class DeviceArena {
 public:
  explicit DeviceArena(std::size_t capacity);
  ~DeviceArena();
  DeviceArena(const DeviceArena&) = delete;
  DeviceArena& operator=(const DeviceArena&) = delete;

  /// Filled with NaN, aligned to 256 bytes, with a guard page behind it. Null where there is no room.
  void* allocate(std::size_t bytes);
  /// What is wrong with giving this back; empty: nothing, and it is done.
  std::string release(void* memory);
  /// Whether one allocation holds all of [address, address + bytes).
  bool contains(const void* address, std::size_t bytes) const;

  void open();
  void close();
  std::size_t capacity() const { return capacity_; }
  std::size_t free_bytes() const { return capacity_ - used_; }

 private:
  struct Allocation {
    std::size_t bytes;
    std::byte* pages;
    std::size_t pages_bytes;
  };
  void protect(int protection);
  /// Between the allocation's end and the guard page.
  static bool is_slack_intact(const std::byte* memory, const Allocation& allocation);

  std::size_t capacity_, used_ = 0, reserved_bytes_;
  int nothing_;  // an empty file: a page of it faults whatever its protection
  std::byte* begin_;
  std::byte* end_;  // of what was ever given out
  std::map<const std::byte*, Allocation> allocations_;
  bool open_ = false;
};

}  // namespace convoy::fake_cuda
