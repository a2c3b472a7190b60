#pragma once

#include <string>

namespace convoy {

/// "convoy 0.1.0", with the facts of the build on further lines.
std::string version_text();

}  // namespace convoy
