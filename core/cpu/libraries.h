#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/cpu/isa.h"

namespace convoy {

/// What decides the bits of the CPU's kernels besides this program: for the numerics fingerprint.
struct CpuLibraries {
  std::map<std::string, std::string> libraries;         ///< "openblas" -> "0.3.21"
  std::map<std::string, std::string> instruction_sets;  ///< "openblas" -> "SkylakeX", "convoy" -> "avx512"
};

/// `own`: the instruction set that our own loops use. Ask after pin_libraries().
CpuLibraries cpu_libraries(Isa own);

/// Keeps our own loops and oneDNN to `isa`, so that hosts with different processors compute the same bits.
/// Before any kernel is made. Throws ConfigError where the processor does not have it. OpenBLAS chooses when
/// the program is loaded; see openblas_coretype().
void pin_libraries(Isa isa);

/// The value of the environment variable OPENBLAS_CORETYPE with which a process started anew would get
/// OpenBLAS' kernels for `isa`: "SkylakeX", "Haswell" or "Prescott". None where this process has kernels of
/// that kind already. (OpenBLAS falls back to its oldest kernels on processors that are newer than itself.)
std::optional<std::string> openblas_coretype(Isa isa);

}  // namespace convoy
