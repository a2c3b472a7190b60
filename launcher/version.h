#pragma once

#include <string>

namespace convoy {

/// "0.1.0 (f08c54c1a2b3)": the version and the commit.
std::string short_version();

/// "convoy 0.1.0 (commit f08c54c1a2b3)", with the facts of the build on further lines.
std::string version_text();

/// Identifies the contents of the running binary: the linker's build ID, or else the SHA-256 of the file.
std::string build_id();

}  // namespace convoy
