#include <algorithm>
#include <array>
#include <map>

#include "core/config/experiment.h"
#include "core/config/json.h"
#include "core/config/reference.h"
#include "core/config/scalar.h"

namespace convoy::config {

std::string to_yaml(const Experiment& experiment, const Catalogs& catalogs) {
  return write_yaml(describe<Experiment>(catalogs)->write(&experiment));
}

std::vector<std::pair<std::string, std::string>> to_keys(const Experiment& experiment,
                                                         const Catalogs& catalogs) {
  return flatten(describe<Experiment>(catalogs)->write(&experiment));
}

std::string to_json_schema(const Catalogs& catalogs) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "Convoy experiment"}};
  schema.update(describe<Experiment>(catalogs)->schema());
  return schema.dump(2);
}

std::string reference_markdown(const Catalogs& catalogs) {
  Reference reference(
      "# Config reference\n\n"
      "Written by the program from the description that it reads configs with; a test fails when it is "
      "stale.\n\n"
      "Where a value has parameters of its own, it is a mapping of its name to them, `adam: {learning_rate: "
      "0.01}`, "
      "or for their defaults the bare name, `adam`. A layer also takes a `name`, and the value of its only "
      "parameter, or of the only one that must be given, may stand "
      "alone: `dropout: 0.3`. Numbers may be fractions, "
      "`1/255`.\n\n");
  const auto experiment = describe<Experiment>(catalogs);
  experiment->document(reference, "");
  std::string text = reference.markdown();
  text.pop_back();  // the empty line behind the last table
  return text;
}

namespace {

/// Keys, or whole sections, that change nothing of what is computed. Where files lie is free: what they hold
/// is compared.
constexpr std::array<std::string_view, 14> kFree{"name",
                                                 "data.cifar10.path",
                                                 "data.cifar100.path",
                                                 "data.mnist.path",
                                                 "model.weights",
                                                 "metrics",
                                                 "train.log_every_steps",
                                                 "distributed.communicator",
                                                 "distributed.bucket_mb",
                                                 "distributed.stall_timeout_s",
                                                 "distributed.threads_per_rank",
                                                 "distributed.check_every_steps",
                                                 "checkpoint",
                                                 "faults"};

bool is_below(std::string_view key, std::string_view section) {
  if (section.empty() || !key.starts_with(section)) return false;
  return key.size() == section.size() || key[section.size()] == '.' || key[section.size()] == '[';
}

bool grows(const std::string& before, const std::string& after) {
  if (before == "none") return false;
  if (after == "none") return true;
  const auto was = parse_int64(before), is = parse_int64(after);
  return was.problem.empty() && is.problem.empty() && is.value > was.value;
}

bool is_free(const std::string& key) {
  return std::any_of(kFree.begin(), kFree.end(), [&](std::string_view free) { return is_below(key, free); });
}

constexpr std::string_view kEarlyStopping = "train.early_stopping";

/// Whether a key says when a run ends, and decides no bits before.
bool is_length(const std::string& key) {
  return key == "train.epochs" || key == "train.max_steps" || is_below(key, kEarlyStopping);
}

/// Whether a run goes on for as long as before, or longer, and is the one that it would have been from the
/// start.
bool lengthens(const std::string& key, const std::string& before, const std::string& after) {
  if (!is_below(key, kEarlyStopping)) return grows(before, after);
  const bool taken_out = after == (key == kEarlyStopping ? "none" : "-");
  return taken_out || (key == "train.early_stopping.patience" && grows(before, after));
}

Effect effect_of(const std::string& key, const std::string& before, const std::string& after) {
  if (is_free(key)) return Effect::free;
  return is_length(key) && lengthens(key, before, after) ? Effect::extends : Effect::decides;
}

}  // namespace

std::string deciding_keys(const Experiment& experiment, const Catalogs& catalogs) {
  std::string text;
  for (const auto& [key, value] : to_keys(experiment, catalogs))
    if (!is_free(key) && !is_length(key)) text += key + ": " + value + '\n';
  return text;
}

std::vector<Difference> differences(const Experiment& before, const Experiment& after,
                                    const Catalogs& catalogs) {
  const auto was = to_keys(before, catalogs), is = to_keys(after, catalogs);
  const std::map<std::string, std::string> old_values(was.begin(), was.end()),
      new_values(is.begin(), is.end());
  std::vector<Difference> result;
  const auto add = [&](const std::string& key, const std::string& a, const std::string& b) {
    if (a != b) result.push_back({key, a, b, effect_of(key, a, b)});
  };
  for (const auto& [key, value] : is) {
    const auto found = old_values.find(key);
    add(key, found == old_values.end() ? "-" : found->second, value);
  }
  for (const auto& [key, value] : was) {
    if (!new_values.contains(key)) add(key, value, "-");
  }
  return result;
}

std::vector<Difference> without_derived(std::vector<Difference> differences,
                                        std::span<const std::string> derived) {
  const auto is_derived = [&](const Difference& difference) {
    return std::ranges::any_of(derived, [&](const auto& key) { return is_below(difference.key, key); });
  };
  const auto is_cause = [&](const Difference& difference) {
    return difference.effect == Effect::decides && !is_derived(difference);
  };
  if (std::ranges::any_of(differences, is_cause)) std::erase_if(differences, is_derived);
  return differences;
}

}  // namespace convoy::config
