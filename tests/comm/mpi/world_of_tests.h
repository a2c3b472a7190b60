#pragma once

#include "comm/world.h"

namespace convoy {

/// The world that main() made before the first test; main() alone gives one.
inline const World& world_of_tests(const World* made = nullptr) {
  static const World& world = *made;
  return world;
}

}  // namespace convoy
