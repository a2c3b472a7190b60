#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cpu/simd/table.h"

namespace convoy {

/// The instruction sets that the own loops are built for.
enum class Isa { portable, avx2, avx512 };

std::string_view name_of(Isa isa);
/// The widest that this processor and this build have.
Isa widest_isa();
/// All up to widest_isa().
std::vector<Isa> available_isas();
/// The loops of one of available_isas().
const simd::Table& loops_of(Isa isa);

/// Lets results and operands below the smallest normal float count as zero in the calling thread: they would
/// slow arithmetic down tenfold.
void flush_denormals();

}  // namespace convoy
