#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/cpu/simd/table.h"

namespace convoy {

/// The CPU's kernels: the loops of one instruction set, and the providers that use them.
class CpuBackend {
 public:
  struct Choice {
    const Provider* provider = nullptr;
    Provider::Offer offer;
  };

  explicit CpuBackend(const simd::Table& loops);

  const simd::Table& loops() const { return loops_; }
  std::span<const std::unique_ptr<Provider>> providers() const { return providers_; }

  /// The merits: 30 for our own convolutions under a ReLU and a pooling, 25 for other convolutions of our own
  /// whose channels fill vectors, 20 for oneDNN's, 10 for our other loops, 5 for OpenBLAS' products and our
  /// convolutions of few channels, 0 for the reference. Measured with tests/bench/bench_kernels.cpp.
  ///
  /// The offer with the highest merit for a block that starts with ops.front(); of equal ones the earlier
  /// provider's. With `forced`, that provider's. Throws ConfigError, naming those that could, where it offers
  /// nothing or does not exist.
  Choice select(std::span<const Op> ops, DType type,
                const std::optional<std::string>& forced = std::nullopt) const;
  /// Whether this provider offers anything for a block that starts with ops.front().
  bool offers(const std::string& provider, std::span<const Op> ops, DType type) const;

 private:
  const simd::Table& loops_;
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace convoy
