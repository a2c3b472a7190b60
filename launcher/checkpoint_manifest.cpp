#include "launcher/checkpoint_manifest.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "launcher/hash.h"

namespace convoy {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

/// JSON has no infinities and no NaN.
json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  const auto& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  throw CheckpointError("{:?} is no number", text);
}

json json_of(const TrainingCursor& cursor) {
  return {
      {"epoch", cursor.epoch}, {"step_in_epoch", cursor.step_in_epoch}, {"global_step", cursor.global_step}};
}

TrainingCursor cursor_of(const json& value) {
  return {value.at("epoch").get<std::int64_t>(), value.at("step_in_epoch").get<std::int64_t>(),
          value.at("global_step").get<std::int64_t>()};
}

json json_of(const CheckpointState& state) {
  json result{{"cursor", json_of(state.cursor)},
              {"config_hash", state.config_hash},
              {"data_sha256", state.data_sha256},
              {"fingerprint", state.fingerprint},
              {"metrics", {{"lines", state.metrics.lines}, {"bytes", state.metrics.bytes}}},
              {"epoch_totals", json::object()}};
  for (const auto& [name, value] : state.epoch_totals) result["epoch_totals"][name] = number(value);
  if (state.best) {
    result["best"] = {{"metric", state.best->metric},
                      {"value", number(state.best->value)},
                      {"cursor", json_of(state.best->cursor)}};
  }
  if (state.early_stopping) {
    result["early_stopping"] = {
        {"metric", state.early_stopping->metric},
        {"best", number(state.early_stopping->best)},
        {"best_epoch", state.early_stopping->best_epoch},
        {"epochs_without_improvement", state.early_stopping->epochs_without_improvement}};
  }
  return result;
}

CheckpointState state_of(const json& value) {
  CheckpointState state;
  state.cursor = cursor_of(value.at("cursor"));
  value.at("config_hash").get_to(state.config_hash);
  value.at("data_sha256").get_to(state.data_sha256);
  value.at("fingerprint").get_to(state.fingerprint);
  const json& metrics = value.at("metrics");
  state.metrics = {metrics.at("lines").get<std::int64_t>(), metrics.at("bytes").get<std::int64_t>()};
  for (const auto& [name, total] : value.at("epoch_totals").items())
    state.epoch_totals[name] = number_of(total);
  if (const auto best = value.find("best"); best != value.end()) {
    state.best = {best->at("metric").get<std::string>(), number_of(best->at("value")),
                  cursor_of(best->at("cursor"))};
  }
  if (const auto early = value.find("early_stopping"); early != value.end()) {
    state.early_stopping = {early->at("metric").get<std::string>(), number_of(early->at("best")),
                            early->at("best_epoch").get<std::int64_t>(),
                            early->at("epochs_without_improvement").get<std::int64_t>()};
  }
  return state;
}

/// Of the canonical text (sorted keys, no spaces), so that the file may be laid out for reading.
std::string hash_of(const json& manifest) { return sha256_hex(manifest.dump()); }

}  // namespace

std::string manifest_text(const Manifest& manifest) {
  json result{{"format", kFormat}, {"state", json_of(manifest.state)}, {"files", json::object()}};
  for (const auto& [name, file] : manifest.files) {
    result["files"][name] = {{"bytes", file.bytes}, {"sha256", file.sha256}};
  }
  const std::string hash = hash_of(result);
  result["sha256"] = hash;
  return result.dump(2) + '\n';
}

Manifest parse_manifest(std::string_view text) {
  try {
    json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) throw CheckpointError("is damaged: it is cut off, or no JSON");
    if (value.at("format") != kFormat) {
      throw CheckpointError("is of format {}, this Convoy reads {}", value.at("format").dump(), kFormat);
    }
    const auto hash = value.at("sha256").get<std::string>();
    value.erase("sha256");
    if (hash_of(value) != hash) throw CheckpointError("does not match its own SHA-256: damaged, or edited");
    Manifest manifest{state_of(value.at("state")), {}};
    for (const auto& [name, file] : value.at("files").items()) {
      manifest.files[name] = {file.at("bytes").get<std::uint64_t>(), file.at("sha256").get<std::string>()};
    }
    return manifest;
  } catch (const json::exception&) {
    throw CheckpointError("is damaged: what it should say of a checkpoint is missing, or of another type");
  }
}

}  // namespace convoy
