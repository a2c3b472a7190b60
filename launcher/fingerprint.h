#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// Everything outside the config that decides bits. Two ranks, or two runs, of equal fingerprints and equal
/// configs compute the same weights.
struct NumericsFingerprint {
  std::string version;                           ///< "0.1.0 (f08c54c)"
  std::string build_id;                          ///< identifies the binary's contents
  std::map<std::string, std::string> libraries;  ///< "openblas" -> "0.3.21"
  std::map<std::string, std::string>
      instruction_sets;  ///< what each dispatches to: "onednn" -> "avx512_core"
  std::string gpu;       ///< the architecture; empty on CPUs
  std::string probe;     ///< SHA-256 of a tiny fixed pass through every kernel in use

  friend bool operator==(const NumericsFingerprint&, const NumericsFingerprint&) = default;
};

void to_json(nlohmann::json& json, const NumericsFingerprint& fingerprint);
/// Throws nlohmann::json::exception where a field is missing or of a wrong type.
void from_json(const nlohmann::json& json, NumericsFingerprint& fingerprint);

/// One fact that differs, in the user's words: "instruction set of onednn", "avx512_core", "avx2".
struct FactDifference {
  std::string fact;
  std::string first;
  std::string second;

  friend bool operator==(const FactDifference&, const FactDifference&) = default;
};

/// In a fixed order; a fact that one side lacks is "none" there.
std::vector<FactDifference> differences(const NumericsFingerprint& first, const NumericsFingerprint& second);
/// "instruction set of onednn: avx512_core, now avx2; probe of the kernels: 0a1b…, now 2c3d…"
std::string describe_change(const NumericsFingerprint& before, const NumericsFingerprint& now);

/// Checks that all ranks compute alike. `hosts` and `fingerprints` are in rank order. Throws ConfigError that
/// names each fact that differs, its values with their hosts, and how to pin them to a common one.
void require_equal_fingerprints(std::span<const std::string> hosts,
                                std::span<const NumericsFingerprint> fingerprints);

}  // namespace convoy
