#include "core/cpu/libraries.h"

#include "core/cpu/onednn/provider.h"
#include "core/cpu/openblas/provider.h"
#include "core/error.h"

namespace convoy {

CpuLibraries cpu_libraries(Isa own) {
  CpuLibraries facts;
  facts.instruction_sets["convoy"] = name_of(own);
  facts.libraries["openblas"] = openblas_version();
  facts.instruction_sets["openblas"] = openblas_core();
  if (const std::string version = onednn_version(); !version.empty()) {
    facts.libraries["onednn"] = version;
    facts.instruction_sets["onednn"] = onednn_isa();
  }
  return facts;
}

void pin_libraries(Isa isa) {
  if (isa > widest_isa())
    throw ConfigError("distributed.cpu_isa: this processor has no {}; the widest that it has is {}",
                      name_of(isa), name_of(widest_isa()));
  limit_onednn_isa(isa);
}

std::optional<std::string> openblas_coretype(Isa isa) {
  const std::string core = openblas_core();
  const auto is = [&](auto... names) { return ((core == names) || ...); };
  const Isa used = is("SkylakeX", "Cooperlake", "SapphireRapids") ? Isa::avx512
                   : is("Haswell", "Zen")                         ? Isa::avx2
                                                                  : Isa::portable;
  if (used == isa) return std::nullopt;
  switch (isa) {
    case Isa::avx512:
      return "SkylakeX";
    case Isa::avx2:
      return "Haswell";
    case Isa::portable:
      break;
  }
  return "Prescott";
}

}  // namespace convoy
