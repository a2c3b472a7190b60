#include "core/cpu/backend.h"

#include <algorithm>
#include <fmt/ranges.h>

#include "core/cpu/native/provider.h"
#include "core/cpu/onednn/provider.h"
#include "core/cpu/openblas/provider.h"
#include "core/cpu/reference/provider.h"
#include "core/error.h"

namespace convoy {

CpuBackend::CpuBackend(const simd::Table& loops) : loops_(loops) {
  if (auto onednn = make_onednn_provider(loops)) providers_.push_back(std::move(onednn));
  providers_.push_back(make_native_provider(loops));
  providers_.push_back(make_openblas_provider());
  providers_.push_back(make_reference_provider());
}

CpuBackend::Choice CpuBackend::select(std::span<const Op> ops, DType type,
                                      const std::optional<std::string>& forced) const {
  Choice best;
  std::vector<std::string> able;
  for (const auto& provider : providers_) {
    auto offer = provider->offer(ops, type);
    if (!offer) continue;
    able.emplace_back(provider->name());
    if (forced && able.back() != *forced) continue;
    if (!best.provider || offer->merit > best.offer.merit) best = {provider.get(), std::move(*offer)};
  }
  if (!best.provider)
    throw ConfigError("'{}' computes no {} of this shape here; use one of: {}", forced.value_or(""),
                      name_of(ops.front().kind), fmt::join(able, ", "));
  return best;
}

bool CpuBackend::offers(const std::string& provider, std::span<const Op> ops, DType type) const {
  return std::ranges::any_of(providers_, [&](const auto& other) {
    return other->name() == provider && other->offer(ops, type).has_value();
  });
}

}  // namespace convoy
