#pragma once

#include <string>

#include "comm/world.h"
#include "launcher/engine.h"
#include "launcher/fingerprint.h"

namespace convoy {

/// What decides this process's bits besides the config: the binary, the libraries and what they dispatch to, and a hash of
/// two tiny steps of the model's own kernels on fixed input.
NumericsFingerprint measure_fingerprint(Engine& engine);

/// The same on every rank, or ConfigError that names the hosts that differ. Collective.
NumericsFingerprint agree_on_fingerprint(Engine& engine, const World& world, Communicator& communicator);

}  // namespace convoy
