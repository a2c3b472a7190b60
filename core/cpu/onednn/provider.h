#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "core/cpu/isa.h"

namespace convoy {

/// Convolutions, each with a ReLU behind it if there is one, by oneDNN; null where the build has no oneDNN.
std::unique_ptr<Provider> make_onednn_provider(const simd::Table& loops);

/// Keeps oneDNN to the instruction set `isa`, without the extensions that only some processors with it have.
/// Must come before oneDNN's first use in the process; throws DeviceError where it does not.
void limit_onednn_isa(Isa isa);

/// "2.6.3" and "avx512_core_amx"; empty where the build has no oneDNN.
std::string onednn_version();
std::string onednn_isa();

}  // namespace convoy
