#pragma once

#include <algorithm>
#include <vector>

#include "core/arena.h"

namespace convoy {

/// Buffers that are needed again every step: taken new they would cost a page fault each 4 KiB, every time.
class BufferPool {
 public:
  /// At least `bytes`; its contents are undefined.
  Arena take(std::size_t bytes) {
    const auto best = std::min_element(free_.begin(), free_.end(), [&](const Arena& a, const Arena& b) {
      return fits(a, bytes) != fits(b, bytes) ? fits(a, bytes) : a.size() < b.size();
    });
    if (best == free_.end() || !fits(*best, bytes)) return Arena(bytes);
    Arena buffer = std::move(*best);
    free_.erase(best);
    return buffer;
  }
  void give_back(Arena buffer) { free_.push_back(std::move(buffer)); }

 private:
  static bool fits(const Arena& buffer, std::size_t bytes) { return buffer.size() >= bytes; }

  std::vector<Arena> free_;
};

}  // namespace convoy
