#include "launcher/fingerprint.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace convoy {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

Facts facts_of(const NumericsFingerprint& fingerprint) {
  Facts facts{{"version", fingerprint.version}, {"build of the binary", fingerprint.build_id}};
  for (const auto& [name, value] : fingerprint.libraries) facts.emplace_back("version of " + name, value);
  for (const auto& [name, value] : fingerprint.instruction_sets) {
    facts.emplace_back("instruction set of " + name, value);
  }
  facts.emplace_back("GPU", fingerprint.gpu);
  facts.emplace_back("probe of the kernels", fingerprint.probe.substr(0, 12));
  return facts;
}

std::string value_of(const Facts& facts, const std::string& fact) {
  const auto found = std::ranges::find(facts, fact, &Facts::value_type::first);
  return found == facts.end() || found->second.empty() ? "none" : found->second;
}

/// What to do about facts that differ between hosts.
std::string remedy(std::span<const std::string> differing) {
  constexpr std::string_view kOpenblas = "instruction set of openblas";
  const auto is_isa = [&](const std::string& fact) {
    return fact.starts_with("instruction set of ") && fact != kOpenblas;
  };
  std::vector<std::string> remedies;
  if (std::ranges::any_of(differing,
                          [](const auto& fact) { return fact.find("instruction set") == fact.npos; }))
    remedies.emplace_back("install the same Convoy and libraries everywhere");
  if (std::ranges::any_of(differing, is_isa) || std::ranges::count(differing, "probe of the kernels") > 0)
    remedies.emplace_back("set distributed.cpu_isa to an instruction set that every host has");
  if (std::ranges::count(differing, kOpenblas) > 0)
    remedies.emplace_back(
        "give OpenBLAS the same kernels on every host (mpirun -x OPENBLAS_CORETYPE=Haswell for AVX2, "
        "=Prescott for any)");
  return fmt::format("{}", fmt::join(remedies, ", and "));
}

/// "avx2 on node1, node3": the hosts of one value, each once, in rank order.
std::string hosts_with(std::span<const std::string> hosts, std::span<const Facts> ranks,
                       const std::string& fact, const std::string& value) {
  std::vector<std::string> names;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (value_of(ranks[rank], fact) != value) continue;
    if (std::ranges::find(names, hosts[rank]) == names.end()) names.push_back(hosts[rank]);
  }
  return fmt::format("{} on {}", value, fmt::join(names, ", "));
}

}  // namespace

void to_json(nlohmann::json& json, const NumericsFingerprint& fingerprint) {
  json = {{"version", fingerprint.version},
          {"build_id", fingerprint.build_id},
          {"libraries", fingerprint.libraries},
          {"instruction_sets", fingerprint.instruction_sets},
          {"gpu", fingerprint.gpu},
          {"probe", fingerprint.probe}};
}

void from_json(const nlohmann::json& json, NumericsFingerprint& fingerprint) {
  json.at("version").get_to(fingerprint.version);
  json.at("build_id").get_to(fingerprint.build_id);
  json.at("libraries").get_to(fingerprint.libraries);
  json.at("instruction_sets").get_to(fingerprint.instruction_sets);
  json.at("gpu").get_to(fingerprint.gpu);
  json.at("probe").get_to(fingerprint.probe);
}

std::vector<FactDifference> differences(const NumericsFingerprint& first, const NumericsFingerprint& second) {
  const Facts first_facts = facts_of(first);
  const Facts second_facts = facts_of(second);
  Facts all = first_facts;
  for (const auto& fact : second_facts) {
    if (std::ranges::find(all, fact.first, &Facts::value_type::first) == all.end()) all.push_back(fact);
  }
  std::vector<FactDifference> result;
  for (const auto& [fact, ignored] : all) {
    FactDifference difference{fact, value_of(first_facts, fact), value_of(second_facts, fact)};
    if (difference.first != difference.second) result.push_back(std::move(difference));
  }
  return result;
}

std::string describe_change(const NumericsFingerprint& before, const NumericsFingerprint& now) {
  std::vector<std::string> parts;
  for (const FactDifference& difference : differences(before, now)) {
    parts.push_back(fmt::format("{}: {}, now {}", difference.fact, difference.first, difference.second));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

void require_equal_fingerprints(std::span<const std::string> hosts,
                                std::span<const NumericsFingerprint> fingerprints) {
  require(hosts.size() == fingerprints.size(), "every rank sends a host and a fingerprint");
  std::vector<Facts> ranks;
  std::vector<std::string> differing;
  for (const NumericsFingerprint& fingerprint : fingerprints) {
    ranks.push_back(facts_of(fingerprint));
    for (const FactDifference& difference : differences(fingerprints.front(), fingerprint)) {
      if (std::ranges::find(differing, difference.fact) == differing.end())
        differing.push_back(difference.fact);
    }
  }
  if (differing.empty()) return;
  std::vector<std::string> parts;
  for (const std::string& fact : differing) {
    std::set<std::string> values;
    for (const Facts& facts : ranks) values.insert(value_of(facts, fact));
    std::vector<std::string> places;
    for (const std::string& value : values) places.push_back(hosts_with(hosts, ranks, fact, value));
    parts.push_back(fmt::format("{} is {}", fact, fmt::join(places, " and ")));
  }
  throw ConfigError("the ranks would not compute the same bits: {}; {}", fmt::join(parts, "; "),
                    remedy(differing));
}

}  // namespace convoy
