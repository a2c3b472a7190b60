#include "core/cpu/isa.h"

#if defined(__x86_64__)
#include <pmmintrin.h>
#include <xmmintrin.h>
#endif

#include "core/error.h"

namespace convoy {

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::portable:
      break;
  }
  return "portable";
}

Isa widest_isa() {
#if defined(CONVOY_X86_SIMD)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::portable;
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas{Isa::portable};
  if (widest_isa() >= Isa::avx2) isas.push_back(Isa::avx2);
  if (widest_isa() >= Isa::avx512) isas.push_back(Isa::avx512);
  return isas;
}

const simd::Table& loops_of(Isa isa) {
  require(isa <= widest_isa(), "an instruction set that this processor has");
#if defined(CONVOY_X86_SIMD)
  if (isa == Isa::avx512) return simd::avx512::table();
  if (isa == Isa::avx2) return simd::avx2::table();
#endif
  return simd::portable::table();
}

void flush_denormals() {
#if defined(__x86_64__)
  _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
  _MM_SET_DENORMALS_ZERO_MODE(_MM_DENORMALS_ZERO_ON);
#endif
}

}  // namespace convoy
