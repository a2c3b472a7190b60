#pragma once

#include "core/backend.h"

namespace convoy {

/// Plain loops for every op, in float and in double: what all other kernels are measured against. Sums are
/// taken in double.
std::unique_ptr<Provider> make_reference_provider();

}  // namespace convoy
