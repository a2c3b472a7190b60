#pragma once

#include <memory>
#include <string>

#include "core/backend.h"
#include "core/cpu/isa.h"

namespace convoy {

/// Convolutions, each with a ReLU behind it if there is one, by oneDNN; null where the build has no oneDNN.
std::unique_ptr<Provider> make_onednn_provider(const simd::Table& loops);

/// Keeps oneDNN from instruction sets wider than `isa`. Must come before its first use in the process.
void limit_onednn_isa(Isa isa);

/// "oneDNN 2.6.3, AVX-512", or empty without it.
std::string onednn_description();

}  // namespace convoy
