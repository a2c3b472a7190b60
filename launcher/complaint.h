#pragma once

#include <string>

#include "comm/world.h"

namespace convoy {

/// An error as standard error shows it: behind "convoy: ", unless it begins with the place in a config that
/// it is about, "train.yaml:12:7: …" or "--set train.epochs: …".
std::string error_text(const std::string& what);

/// A line on standard error for what went wrong on this rank; where there are several, with its number and
/// host.
void complain(const World& world, const std::string& what);

}  // namespace convoy
