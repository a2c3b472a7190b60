#include "tests/support/allocation_counter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <execinfo.h>
#include <fmt/format.h>
#include <malloc.h>
#include <mutex>

// The C library's own, by which malloc and its kin may be replaced:
// https://www.gnu.org/software/libc/manual/html_node/Replacing-malloc.html
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}

namespace convoy::testing {

namespace {

constexpr int kDepth = 10;
struct Stack {
  std::array<void*, kDepth> frames;
  int depth = 0;
  bool operator==(const Stack&) const = default;
};

std::atomic<bool> counting{false};
std::atomic<std::int64_t> allocations_made{0}, bytes_grown{0};
std::mutex stacks_mutex;
std::array<Stack, 12> stacks_seen;  ///< different ones
std::size_t stacks_count = 0;
thread_local int uncounted = 0;

void keep_stack() {
  const Uncounted of_backtrace;
  const std::lock_guard lock(stacks_mutex);
  if (stacks_count == stacks_seen.size()) return;
  Stack& stack = stacks_seen[stacks_count];
  stack.depth = backtrace(stack.frames.data(), kDepth);
  const auto end = stacks_seen.begin() + static_cast<std::ptrdiff_t>(stacks_count);
  if (std::find(stacks_seen.begin(), end, stack) == end) ++stacks_count;
}

void* counted(void* memory) {
  if (!counting || memory == nullptr || uncounted > 0) return memory;
  bytes_grown += static_cast<std::int64_t>(malloc_usable_size(memory));
  ++allocations_made;
  keep_stack();
  return memory;
}

void discount(void* memory) {
  if (counting && memory != nullptr && uncounted == 0)
    bytes_grown -= static_cast<std::int64_t>(malloc_usable_size(memory));
}

}  // namespace

AllocationCounter::AllocationCounter() {
  void* frame = nullptr;
  backtrace(&frame, 1);  // loads what it needs, now
  allocations_made = bytes_grown = 0;
  stacks_count = 0;
  counting = true;
}

AllocationCounter::~AllocationCounter() { counting = false; }

std::int64_t AllocationCounter::allocations() const { return allocations_made; }
std::int64_t AllocationCounter::growth_bytes() const { return bytes_grown; }

std::string AllocationCounter::stacks() const {
  const Uncounted of_the_text;
  std::string text;
  for (std::size_t i = 0; i < stacks_count; ++i) {
    const Stack& stack = stacks_seen[i];
    char** names = backtrace_symbols(stack.frames.data(), stack.depth);
    text += "allocated by\n";
    for (int frame = 3; names != nullptr && frame < stack.depth; ++frame)  // behind this file's own
      text += fmt::format("  {}\n", names[frame]);
    std::free(names);
  }
  return text;
}

Uncounted::Uncounted() { ++uncounted; }
Uncounted::~Uncounted() { --uncounted; }

}  // namespace convoy::testing

using convoy::testing::counted;
using convoy::testing::discount;

extern "C" {

void* malloc(std::size_t size) { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) { return counted(__libc_calloc(count, size)); }
void* realloc(void* memory, std::size_t size) {
  discount(memory);
  return counted(__libc_realloc(memory, size));
}
void* memalign(std::size_t alignment, std::size_t size) { return counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = counted(__libc_memalign(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  discount(memory);
  __libc_free(memory);
}

}  // extern "C"
