#include "launcher/complaint.h"

#include <cstdio>
#include <fmt/format.h>
#include <string_view>

namespace convoy {

namespace {

/// "train.yaml:12:7: …" or "--set train.epochs: …", which editors and people find by their beginning.
bool begins_with_place(const std::string& what) {
  if (what.starts_with("--set ")) return true;
  std::string_view place = std::string_view(what).substr(0, what.find(": "));
  for (int number = 0; number < 2; ++number) {
    const std::size_t colon = place.find_last_not_of("0123456789");
    if (colon == std::string_view::npos || place[colon] != ':' || colon + 1 == place.size()) return false;
    place = place.substr(0, colon);
  }
  return !place.empty();
}

}  // namespace

std::string error_text(const std::string& what) { return begins_with_place(what) ? what : "convoy: " + what; }

void complain(const World& world, const std::string& what) {
  if (world.size() == 1) {
    fmt::print(stderr, "{}\n", error_text(what));
  } else {
    fmt::print(stderr, "convoy: rank {} on {}: {}\n", world.rank(),
               world.hosts()[static_cast<std::size_t>(world.rank())], what);
  }
}

}  // namespace convoy
