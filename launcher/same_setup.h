#pragma once

#include "comm/communicator.h"
#include "launcher/setup.h"

namespace convoy {

/// Checks that every rank has rank 0's config, but for threads and where the data lies, and its data: the
/// number of samples, the labels, and a few hundred pictures. Throws AgreedError of a config or data error
/// that names the ranks. Collective.
void require_same_setup(const Setup& setup, Communicator& communicator);

}  // namespace convoy
