#include "launcher/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "launcher/checkpoint_manifest.h"
#include "launcher/hash.h"

namespace convoy {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kUnfinished = ".writing-";  // of a save that was interrupted
constexpr std::string_view kReplaced = ".replaced-";   // stood under the name that a save was about to take
constexpr std::string_view kRemoved = ".removing-";

std::string file_name(std::string_view name) { return fmt::format("{}.safetensors", name); }

fs::path hidden(const fs::path& checkpoint, std::string_view prefix) {
  return checkpoint.parent_path() / (std::string(prefix) + checkpoint.filename().string());
}

std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return {};
  name.remove_prefix(kStepPrefix.size());
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0) return {};
  return step;
}

void make_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw CheckpointError("cannot create {}: {}", directory.string(), error.message());
}

void remove_everything(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw CheckpointError("cannot remove {}: {}", path.string(), error.message());
}

/// A directory that is gone again unless it is moved to where it belongs.
class UnfinishedDirectory {
 public:
  explicit UnfinishedDirectory(fs::path path) : path_(std::move(path)) {
    remove_everything(path_);
    make_directory(path_);
  }
  UnfinishedDirectory(const UnfinishedDirectory&) = delete;
  UnfinishedDirectory& operator=(const UnfinishedDirectory&) = delete;
  ~UnfinishedDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void write_files(const fs::path& directory, const CheckpointState& state, std::span<const TensorFile> files) {
  Manifest manifest{state, {}};
  for (const TensorFile& file : files) {
    OutputFile output(directory / file_name(file.name));
    const bool fresh = manifest.files.emplace(file.name, write_safetensors(output, file.tensors)).second;
    require(fresh, "a checkpoint's files have different names");
    output.close();
  }
  OutputFile output(directory / kManifest);
  output.write(manifest_text(manifest));
  output.close();
  sync_directory(directory);
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw CheckpointError("{}: missing, or not readable", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

Manifest manifest_of(const fs::path& directory) {
  const fs::path path = directory / kManifest;
  const std::string text = text_of(path);
  try {
    return parse_manifest(text);
  } catch (const CheckpointError& error) {
    throw CheckpointError("{}: {}", path.string(), error.what());
  }
}

void verify(const fs::path& path, const WrittenFile& promised) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error) throw CheckpointError("{}: {}", path.string(), error.message());
  if (bytes != promised.bytes) {
    throw CheckpointError("{}: {} bytes, the manifest promises {}", path.string(), bytes, promised.bytes);
  }
  if (sha256_of_file(path) != promised.sha256) {
    throw CheckpointError("{}: does not match the SHA-256 in the manifest: damaged", path.string());
  }
}

}  // namespace

Checkpoint::Checkpoint(fs::path directory) : directory_(std::move(directory)) {
  Manifest manifest = manifest_of(directory_);
  for (const auto& [name, promised] : manifest.files) {
    const fs::path path = directory_ / file_name(name);
    verify(path, promised);
    files_.emplace(name, path);
  }
  state_ = std::move(manifest.state);
}

void require_checkpoint(const fs::path& directory) {
  std::error_code absent;
  if (fs::exists(directory / kManifest, absent)) return;
  throw ConfigError(
      "--resume {}: no checkpoint is there; write auto, never, or a checkpoint's directory, "
      "runs/NAME/checkpoints/step-N",
      directory.string());
}

const SafetensorsFile& Checkpoint::file(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) throw CheckpointError("{}: has no {}", directory_.string(), file_name(name));
  return found->second;
}

fs::path checkpoint_path(const fs::path& checkpoints, std::int64_t step) {
  return checkpoints / fmt::format("{}{}", kStepPrefix, step);
}

fs::path save_checkpoint(const fs::path& checkpoints, const CheckpointState& state,
                         std::span<const TensorFile> files) {
  make_directory(checkpoints);
  fs::path target = checkpoint_path(checkpoints, state.cursor.global_step);
  const UnfinishedDirectory unfinished(hidden(target, kUnfinished));
  write_files(unfinished.path(), state, files);
  const fs::path replaced = hidden(target, kReplaced);
  if (fs::exists(target)) {
    remove_everything(replaced);
    rename_durably(target, replaced);
  }
  rename_durably(unfinished.path(), target);
  remove_everything(replaced);
  return target;
}

std::vector<std::int64_t> checkpoint_steps(const fs::path& checkpoints) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(checkpoints, error)) {
    const auto step = step_of(entry.path().filename().string());
    // "step-007" would be another directory than the one that its number leads to.
    if (step && entry.path() == checkpoint_path(checkpoints, *step)) steps.push_back(*step);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw CheckpointError("cannot list {}: {}", checkpoints.string(), error.message());
  }
  std::ranges::sort(steps);
  return steps;
}

std::optional<Checkpoint> newest_whole_checkpoint(const fs::path& checkpoints, const Warn& warn) {
  std::vector<std::int64_t> steps = checkpoint_steps(checkpoints);
  for (; !steps.empty(); steps.pop_back()) {
    try {
      return Checkpoint(checkpoint_path(checkpoints, steps.back()));
    } catch (const CheckpointError& error) {
      warn(fmt::format("skipping the damaged checkpoint of step {}: {}", steps.back(), error.what()));
    }
  }
  return {};
}

void prune_checkpoints(const fs::path& checkpoints, std::int64_t keep, std::int64_t newest,
                       std::optional<std::int64_t> proven, const Warn& warn) {
  std::vector<std::int64_t> steps = checkpoint_steps(checkpoints);
  const auto end = std::ranges::upper_bound(steps, newest);
  const auto kept = std::min<std::ptrdiff_t>(std::max<std::int64_t>(keep, 1), end - steps.begin());
  steps.erase(end - kept, end);
  for (const std::int64_t step : steps) {
    if (step == proven) continue;
    const fs::path path = checkpoint_path(checkpoints, step);
    const fs::path removed = hidden(path, kRemoved);
    try {
      remove_everything(removed);
      rename_durably(path, removed);
      remove_everything(removed);
    } catch (const CheckpointError& error) {
      warn(fmt::format("an old checkpoint stays: {}", error.what()));
    }
  }
}

void clean_checkpoints(const fs::path& checkpoints, const Warn& warn) {
  std::error_code missing;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(checkpoints, missing)) entries.push_back(entry.path());
  for (const fs::path& path : entries) {
    const std::string name = path.filename().string();
    try {
      if (name.starts_with(kReplaced)) {
        const fs::path original = checkpoints / name.substr(kReplaced.size());
        if (!fs::exists(original)) {
          rename_durably(path, original);
          continue;
        }
      } else if (!name.starts_with(kUnfinished) && !name.starts_with(kRemoved)) {
        continue;
      }
      remove_everything(path);
    } catch (const CheckpointError& error) {
      warn(fmt::format("left over from an interrupted save: {}", error.what()));
    }
  }
}

}  // namespace convoy
