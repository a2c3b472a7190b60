#include "launcher/complaint.h"

#include <cstdio>
#include <fmt/format.h>

namespace convoy {

void complain(const World& world, const std::string& what) {
  if (world.size() == 1) {
    fmt::print(stderr, "convoy: {}\n", what);
  } else {
    fmt::print(stderr, "convoy: rank {} on {}: {}\n", world.rank(),
               world.hosts()[static_cast<std::size_t>(world.rank())], what);
  }
}

}  // namespace convoy
