#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/model_from_yaml.h"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

TEST(KerasShapes, AreThoseOfEveryRecordedLayerAndSoAreItsParameters) {
  std::ifstream file(CONVOY_TEST_DATA "/keras_shapes.json");  // scripts/record_keras_shapes.py
  const Json cases = Json::parse(file);
  int refused = 0;
  for (const Json& one : cases) {
    const Json document = {{"input_shape", one["input"]}, {"layers", {one["layer"]}}};
    SCOPED_TRACE(one.dump());
    const auto built = testing::build_from_yaml(document.dump());
    if (one["keras"].is_null()) {
      EXPECT_FALSE(built.model) << "Keras refuses this";
      ++refused;
      continue;
    }
    ASSERT_TRUE(built.model) << built.errors;
    const auto output = one["keras"]["output"].get<std::vector<std::int64_t>>();
    EXPECT_EQ(built.model->output, Shape(output));
    EXPECT_EQ(built.model->layers[0].parameters, one["keras"]["parameters"]);
    EXPECT_EQ(built.model->layers[0].trainable, one["keras"]["trainable"]);
  }
  EXPECT_GT(cases.size(), 250U);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace convoy
