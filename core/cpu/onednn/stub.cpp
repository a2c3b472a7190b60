#include "core/cpu/onednn/provider.h"

namespace convoy {

std::unique_ptr<Provider> make_onednn_provider(const simd::Table&) { return nullptr; }
void limit_onednn_isa(Isa) {}
std::string onednn_version() { return {}; }
std::string onednn_isa() { return {}; }

}  // namespace convoy
