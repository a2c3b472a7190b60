#include "launcher/same_setup.h"

#include <algorithm>
#include <vector>

#include "core/host.h"
#include "core/sha256.h"
#include "launcher/collective.h"

namespace convoy {

namespace {

constexpr std::int64_t kPictures = 256;  ///< looked at in each split

/// A hash of what differs between data sets that were not meant to: all of it would take seconds to read.
std::string sketch(const Dataset& dataset) {
  Sha256 hash;
  const std::int64_t size = dataset.size();
  hash.update(std::as_bytes(std::span(&size, 1)));
  std::vector<int> labels;
  labels.reserve(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) labels.push_back(dataset.label(i));
  hash.update(std::as_bytes(std::span(labels)));
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_bytes()));
  const std::int64_t pictures = std::min(size, kPictures);
  for (std::int64_t i = 0; i < pictures; ++i) {
    dataset.read(i * size / pictures, picture.data());
    hash.update(std::as_bytes(std::span(picture)));
  }
  return hash.hex();
}

/// Throws `error()` on the ranks whose text is not rank 0's.
template <class MakeError>
void require_same(const std::string& own, Communicator& communicator, const MakeError& error) {
  const std::string first = broadcast_text(communicator, own);
  agree(communicator, [&] {
    if (own != first) throw error();
  });
}

/// Keys that neither a result nor the order of collective operations depends on.
bool may_differ(const std::string& key) {
  return key == "name" || key == "distributed.threads_per_rank" ||
         (key.starts_with("data.") && key.ends_with(".path"));
}

}  // namespace

void require_same_config(const Setup& setup, Communicator& communicator) {
  if (communicator.size() == 1) return;
  const std::string own = config::to_yaml(setup.experiment, setup.catalogs);
  const std::string first = broadcast_text(communicator, own);
  agree(communicator, [&] {
    if (own == first) return;
    config::Diagnostics diagnostics;
    const config::Experiment other = config::read_experiment(config::parse_yaml(first, "rank 0's config"), "",
                                                             setup.catalogs, capabilities(), diagnostics);
    diagnostics.throw_if_any();
    std::string list;
    for (const config::Difference& change : config::differences(other, setup.experiment, setup.catalogs))
      if (!may_differ(change.key))
        list += fmt::format("\n  {}: {} -> {}", change.key, change.before, change.after);
    if (!list.empty())
      throw ConfigError(
          "another config than rank 0's:{}\nstart every rank with the same file and the same --set", list);
  });
}

void require_same_data(const Dataset& dataset, Communicator& communicator) {
  if (communicator.size() == 1) return;
  require_same(sketch(dataset), communicator, [&] {
    return DataError("{} holds other samples on {} than on rank 0; copy the same files to every host",
                     dataset.name(), host_name());
  });
}

void require_same_setup(const Setup& setup, Communicator& communicator) {
  require_same_config(setup, communicator);
  require_same_data(*setup.training, communicator);
  if (setup.validation) require_same_data(*setup.validation, communicator);
}

void require_same_weights(const TrainingState& state, const std::string& source, Communicator& communicator) {
  if (communicator.size() == 1) return;
  require_same(state.weights_sha256(), communicator, [&] {
    return CheckpointError("{} holds other weights on {} than on rank 0; copy the same file to every host",
                           source, host_name());
  });
}

void require_same_options(const std::string& options, Communicator& communicator) {
  if (communicator.size() == 1) return;
  require_same(options, communicator, [&] {
    return ConfigError("started with other options than rank 0: {}; start every rank with the same", options);
  });
}

}  // namespace convoy
