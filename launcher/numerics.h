#pragma once

#include <string>

#include "comm/world.h"
#include "launcher/engine.h"
#include "launcher/fingerprint.h"
#include "launcher/setup.h"

namespace convoy {

/// What decides this process's bits besides the config: the binary, the libraries that compute some of the
/// model and what they dispatch to, and a hash of a step of the model's own kernels on a fixed input of
/// `slice_samples` samples: libraries choose by size.
NumericsFingerprint measure_fingerprint(Engine& engine, std::int64_t slice_samples);

/// The same on every rank, for the setup's largest slice, or ConfigError that names the hosts that differ.
/// Collective.
NumericsFingerprint agree_on_fingerprint(Engine& engine, const Setup& setup, const World& world,
                                         Communicator& communicator);

}  // namespace convoy
