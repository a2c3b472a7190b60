#include "launcher/version.h"

#include <fmt/format.h>

#include <string_view>

#include "comm/world.h"
#include "launcher/build_facts.h"

namespace convoy {

std::string version_text() {
  const std::string_view onednn = build::kOneDnn;
  return fmt::format(
      "convoy {} (commit {})\n"
      "built as {} by {} for {}\n"
      "OpenBLAS {}, oneDNN {}\n"
      "{}\n"
      "backends: cpu",
      build::kVersion, build::kCommit, build::kType, build::kCompiler, build::kSystem, build::kOpenBlas,
      onednn.empty() ? "not built in" : onednn, World::library());
}

}  // namespace convoy
