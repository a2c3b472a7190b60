#include "tests/support/fake_cuda/device_arena.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace convoy::fake_cuda {
namespace {

constexpr std::size_t kPage = 4096, kAlignment = 256;
constexpr std::byte kNan{0xFF};  // a NaN of every floating-point type
constexpr std::byte kSlack{0xC5};

std::size_t rounded_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::byte* mapped(void* address, std::size_t bytes, int protection, int flags, int file,
                  std::ptrdiff_t offset = 0) {
  void* memory = ::mmap(address, bytes, protection, flags, file, offset);
  if (memory == MAP_FAILED) throw std::runtime_error("the stand-in for CUDA cannot map memory");
  return static_cast<std::byte*>(memory);
}

}  // namespace

DeviceArena::DeviceArena(std::size_t capacity)
    : capacity_(capacity),
      reserved_bytes_(rounded_up(capacity, kPage) * 64),  // for what is given out again and again
      nothing_(::memfd_create("fake_cuda", MFD_CLOEXEC)),
      begin_(mapped(nullptr, reserved_bytes_, PROT_NONE, MAP_SHARED, nothing_)),
      end_(begin_) {}

DeviceArena::~DeviceArena() {
  ::munmap(begin_, reserved_bytes_);
  ::close(nothing_);
}

void* DeviceArena::allocate(std::size_t bytes) {
  const std::size_t padded = rounded_up(std::max<std::size_t>(bytes, 1), kAlignment);
  const std::size_t pages_bytes = rounded_up(padded, kPage);
  if (padded > free_bytes() ||
      pages_bytes + kPage > static_cast<std::size_t>(begin_ + reserved_bytes_ - end_))
    return nullptr;
  std::byte* pages = mapped(end_, pages_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1);
  std::byte* memory = pages + (pages_bytes - padded);
  std::fill(memory, memory + bytes, kNan);
  std::fill(memory + bytes, memory + padded, kSlack);
  allocations_[memory] = {bytes, pages, pages_bytes};
  end_ = pages + pages_bytes + kPage;
  used_ += padded;
  if (!open_) ::mprotect(pages, pages_bytes, PROT_NONE);
  return memory;
}

std::string DeviceArena::release(void* memory) {
  const auto found = allocations_.find(static_cast<const std::byte*>(memory));
  if (found == allocations_.end()) return "no memory of the device";
  const Allocation allocation = found->second;
  ::mprotect(allocation.pages, allocation.pages_bytes, PROT_READ);
  const bool intact = is_slack_intact(found->first, allocation);
  allocations_.erase(found);
  used_ -= rounded_up(std::max<std::size_t>(allocation.bytes, 1), kAlignment);
  mapped(allocation.pages, allocation.pages_bytes, open_ ? PROT_READ | PROT_WRITE : PROT_NONE,
         MAP_SHARED | MAP_FIXED, nothing_, allocation.pages - begin_);  // one with the pages around it
  return intact ? "" : "written past the end of its " + std::to_string(allocation.bytes) + " bytes";
}

bool DeviceArena::is_slack_intact(const std::byte* memory, const Allocation& allocation) {
  return std::all_of(memory + allocation.bytes,
                     static_cast<const std::byte*>(allocation.pages + allocation.pages_bytes),
                     [](std::byte byte) { return byte == kSlack; });
}

bool DeviceArena::contains(const void* address, std::size_t bytes) const {
  const auto* begin = static_cast<const std::byte*>(address);
  auto after = allocations_.upper_bound(begin);
  if (after == allocations_.begin()) return false;
  const auto& [memory, allocation] = *--after;
  const auto offset = static_cast<std::size_t>(begin - memory);
  return offset <= allocation.bytes && bytes <= allocation.bytes - offset;
}

void DeviceArena::open() {
  if (!open_) protect(PROT_READ | PROT_WRITE);
  open_ = true;
}

void DeviceArena::close() {
  if (open_) protect(PROT_NONE);
  open_ = false;
}

void DeviceArena::protect(int protection) {
  if (end_ > begin_ && ::mprotect(begin_, static_cast<std::size_t>(end_ - begin_), protection) != 0)
    throw std::runtime_error("the stand-in for CUDA cannot protect memory");
}

}  // namespace convoy::fake_cuda
