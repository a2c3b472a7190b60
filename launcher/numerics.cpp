#include "launcher/numerics.h"

#include <nlohmann/json.hpp>

#include "launcher/collective.h"
#include "launcher/hash.h"
#include "launcher/version.h"

namespace convoy {

NumericsFingerprint measure_fingerprint(Engine& engine, std::int64_t slice_samples) {
  NumericsFingerprint fingerprint = engine.numerics(slice_samples);
  fingerprint.version = version_text().substr(0, version_text().find('\n'));
  fingerprint.build_id = sha256_of_file("/proc/self/exe");
  return fingerprint;
}

NumericsFingerprint agree_on_fingerprint(Engine& engine, const Setup& setup, const World& world,
                                         Communicator& communicator) {
  const std::int64_t slice_samples = BatchPlan(step_options(setup).batches).slice_sizes().back();
  NumericsFingerprint mine;
  agree(communicator, [&] { mine = measure_fingerprint(engine, slice_samples); });
  const std::vector<std::string> texts = gather_texts(communicator, nlohmann::json(mine).dump());
  agree(communicator, [&] {
    std::vector<NumericsFingerprint> all;
    for (const std::string& text : texts)
      all.push_back(nlohmann::json::parse(text).get<NumericsFingerprint>());
    require_equal_fingerprints(world.hosts(), all);
  });
  return mine;
}

}  // namespace convoy
