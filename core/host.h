#pragma once

#include <string>

namespace convoy {

/// This machine's name, as the kernel has it; "unknown" where it has none.
std::string host_name();

}  // namespace convoy
