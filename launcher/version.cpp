#include "launcher/version.h"

namespace convoy {

std::string version_text() { return "convoy 0.1.0"; }

}  // namespace convoy
