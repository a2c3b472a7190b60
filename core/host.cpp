#include "core/host.h"

#include <array>
#include <unistd.h>

namespace convoy {

std::string host_name() {
  std::array<char, 256> name{};
  // The last byte stays zero: a name that is too long is cut without an end.
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "unknown";
  return name.data();
}

}  // namespace convoy
