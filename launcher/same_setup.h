#pragma once

#include "comm/communicator.h"
#include "launcher/setup.h"
#include "launcher/training_state.h"

namespace convoy {

// Ranks that were started with different things would wait for each other, or give one figure for a mixture.
// Each function throws an AgreedError that names the ranks. Collective.

/// Every rank has rank 0's config, but for threads and where the data lies; else a config error that lists
/// the keys.
void require_same_config(const Setup& setup, Communicator& communicator);
/// Every rank has rank 0's samples: their number, the labels, and a few hundred pictures; else a data error.
void require_same_data(const Dataset& dataset, Communicator& communicator);
/// Config, training data and, if any, validation data.
void require_same_setup(const Setup& setup, Communicator& communicator);
/// Every rank has read rank 0's weights, from `source`; else a checkpoint error.
void require_same_weights(const TrainingState& state, const std::string& source, Communicator& communicator);
/// Every rank was started with rank 0's options, of those that decide what it sends; else a config error.
void require_same_options(const std::string& options, Communicator& communicator);

}  // namespace convoy
