#pragma once

#include <string>

#include "comm/world.h"

namespace convoy {

/// A line on standard error for what went wrong on this rank; where there are several, with its number and
/// host.
void complain(const World& world, const std::string& what);

}  // namespace convoy
