#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "core/config/experiment.h"
#include "core/config/json.h"
#include "layers/registry.h"
#include "tests/support/json_schema.h"
#include "tests/support/temporary_directory.h"

namespace convoy {
namespace {

const std::filesystem::path kRepository = std::filesystem::path(CONVOY_TEST_DATA).parent_path().parent_path();

config::Catalogs catalogs() {
  config::Catalogs result;
  result.layers = layer_catalog();
  return result;
}

/// `CONVOY_UPDATE_DOCS=1 build/dev/bin/test_launcher --gtest_filter='ConfigDocuments.*'` writes it anew.
TEST(ConfigDocuments, TheReferenceIsThatOfTheCode) {
  const std::filesystem::path path = kRepository / "docs" / "config-reference.md";
  const std::string expected = config::reference_markdown(catalogs());
  if (std::getenv("CONVOY_UPDATE_DOCS") != nullptr) std::ofstream(path) << expected;
  EXPECT_TRUE(test::read_text(path) == expected)
      << path
      << " is stale; run CONVOY_UPDATE_DOCS=1 test_launcher --gtest_filter='ConfigDocuments.*' and commit it";
}

TEST(ConfigDocuments, EveryExampleIsSoundAndFitsTheSchema) {
  const config::Json schema = config::Json::parse(config::to_json_schema(catalogs()));
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kRepository / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++examples;
    const config::Node document = config::parse_yaml_file(entry.path().string());
    EXPECT_EQ(test::JsonSchema::check(schema, config::to_json(document)), "") << entry.path();
    const config::Experiment experiment = config::load_experiment(entry.path().string(), {}, catalogs());
    const std::string resolved = config::to_yaml(experiment, catalogs());
    EXPECT_EQ(test::JsonSchema::check(schema, config::to_json(config::parse_yaml(resolved, "resolved"))), "")
        << resolved;
    config::Diagnostics diagnostics;
    const config::Experiment again =
        config::read_experiment(config::parse_yaml(resolved, "resolved"), "", catalogs(), {}, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    EXPECT_TRUE(config::differences(experiment, again, catalogs()).empty());
  }
  EXPECT_GT(examples, 0);
}

}  // namespace
}  // namespace convoy
