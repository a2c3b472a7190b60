#include "core/arena.h"

#include <cstdint>
#include <sys/mman.h>

#include "core/error.h"

namespace convoy {

namespace {
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}

Arena::Arena(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  // A large arena starts at a large page: one more than its size is mapped, and the ends given back.
  const bool large = bytes >= kHugePage;
  const std::size_t mapped = large ? (bytes + kHugePage - 1) / kHugePage * kHugePage : bytes;
  const std::size_t asked = large ? mapped + kHugePage : mapped;
  void* place = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED)
    throw DeviceError(
        "cannot allocate {} MiB of memory; start fewer ranks or threads here, or make the model or "
        "train.global_batch_size smaller; `convoy check` says what is needed and what is free",
        bytes >> 20);
  std::byte* begin = static_cast<std::byte*>(place);
  if (large) {
    const std::size_t lead = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
    if (lead > 0) munmap(begin, lead);
    if (lead < kHugePage) munmap(begin + lead + mapped, kHugePage - lead);
    begin += lead;
    madvise(begin, mapped, MADV_HUGEPAGE);
  }
  memory_ = std::unique_ptr<std::byte, Free>(begin, Free(mapped));
}

void Arena::Free::operator()(std::byte* memory) const noexcept { munmap(memory, mapped); }

}  // namespace convoy
