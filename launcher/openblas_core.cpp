#include "launcher/openblas_core.h"

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "core/cpu/libraries.h"

namespace convoy {

void restart_with_openblas_core(char** argv) {
  constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  if (std::getenv(kVariable)) return;
  const auto core = openblas_coretype(widest_isa());
  std::error_code error;
  // Not /proc/self/exe itself, whose name the process would carry.
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!core || error || setenv(kVariable, core->c_str(), /*overwrite=*/0) != 0) return;
  execv(program.c_str(), argv);
  unsetenv(kVariable);  // goes on with the kernels that there are
}

}  // namespace convoy
