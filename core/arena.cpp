#include "core/arena.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace convoy {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

Arena::Arena(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const bool large = bytes >= kHugePage;
  const std::size_t alignment = large ? kHugePage : kAlignment;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
  if (!memory_) throw DeviceError("cannot allocate {} MiB of memory", bytes >> 20);
  if (large) madvise(memory_.get(), rounded, MADV_HUGEPAGE);
  std::memset(memory_.get(), 0, rounded);
}

void Arena::Free::operator()(std::byte* memory) const noexcept { std::free(memory); }

}  // namespace convoy
