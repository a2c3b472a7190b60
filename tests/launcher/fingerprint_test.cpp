#include "launcher/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/launcher/hostile_disk.h"

namespace convoy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

NumericsFingerprint sample() {
  return {.version = "0.1.0 (abc)",
          .build_id = "12ab",
          .libraries = {{"onednn", "2.6.3"}, {"openblas", "0.3.21"}},
          .instruction_sets = {{"onednn", "avx512_core"}},
          .gpu = "",
          .probe = "0123456789abcdef"};
}

TEST(Fingerprint, ComesBackFromJson) {
  const nlohmann::json json = sample();
  EXPECT_EQ(nlohmann::json::parse(json.dump()).get<NumericsFingerprint>(), sample());
  nlohmann::json broken = json;
  broken.erase("probe");
  EXPECT_THROW(broken.get<NumericsFingerprint>(), nlohmann::json::exception);
}

TEST(Fingerprint, NamesEveryFactThatDiffers) {
  NumericsFingerprint other = sample();
  EXPECT_TRUE(differences(sample(), other).empty());
  other.libraries.erase("onednn");
  other.instruction_sets["onednn"] = "avx2";
  other.gpu = "sm_90";
  other.probe = "fedcba9876543210";
  EXPECT_THAT(differences(sample(), other),
              ElementsAre(FactDifference{"version of onednn", "2.6.3", "none"},
                          FactDifference{"instruction set of onednn", "avx512_core", "avx2"},
                          FactDifference{"GPU", "none", "sm_90"},
                          FactDifference{"probe of the kernels", "0123456789ab", "fedcba987654"}));
  EXPECT_THAT(differences(other, sample()), testing::SizeIs(4));
  EXPECT_THAT(describe_change(sample(), other),
              HasSubstr("instruction set of onednn: avx512_core, now avx2; GPU"));
}

TEST(Fingerprint, SeesEveryField) {
  const auto differs = [](auto change) {
    NumericsFingerprint other = sample();
    change(other);
    return differences(sample(), other).size() == 1;
  };
  EXPECT_TRUE(differs([](auto& other) { other.version = "0.2.0"; }));
  EXPECT_TRUE(differs([](auto& other) { other.build_id = "x"; }));
  EXPECT_TRUE(differs([](auto& other) { other.libraries["openblas"] = "0.3.22"; }));
}

TEST(Fingerprint, OfRanksThatDifferNamesTheirHosts) {
  std::vector<NumericsFingerprint> ranks(4, sample());
  const std::vector<std::string> hosts{"node1", "node1", "node2", "node3"};
  EXPECT_NO_THROW(require_equal_fingerprints(hosts, ranks));
  ranks[2].instruction_sets["onednn"] = "avx2";
  const std::string error = test::error_of<ConfigError>([&] { require_equal_fingerprints(hosts, ranks); });
  EXPECT_THAT(error, HasSubstr("instruction set of onednn is avx2 on node2 and avx512_core on node1, node3"));
  EXPECT_THAT(error, HasSubstr("set distributed.cpu_isa"));
}

TEST(Fingerprint, OfRanksThatDifferSaysWhatHelpsAgainstThat) {
  const auto told = [](auto change) {
    std::vector<NumericsFingerprint> ranks(2, sample());
    change(ranks[1]);
    return test::error_of<ConfigError>([&] {
      require_equal_fingerprints(std::vector<std::string>{"node1", "node2"}, ranks);
    });
  };
  const std::string openblas = told([](auto& other) { other.instruction_sets["openblas"] = "Haswell"; });
  EXPECT_THAT(openblas, HasSubstr("OPENBLAS_CORETYPE=Haswell"));
  EXPECT_THAT(openblas, Not(HasSubstr("distributed.cpu_isa")));
  const std::string library = told([](auto& other) { other.libraries["onednn"] = "3.0"; });
  EXPECT_THAT(library, HasSubstr("install the same Convoy and libraries everywhere"));
  EXPECT_THAT(library, Not(HasSubstr("distributed.cpu_isa")));
  EXPECT_THAT(told([](auto& other) { other.probe = "fedcba9876543210"; }),
              HasSubstr("set distributed.cpu_isa"));
}

}  // namespace
}  // namespace convoy
