#pragma once

#include <functional>
#include <memory>

#include "comm/communicator.h"

namespace convoy {

/// The communicator of a single rank: every operation is done at once.
std::unique_ptr<Communicator> make_self_communicator();

/// Runs `rank(communicator)` in one thread for each of `ranks` ranks and returns when all are done. If one throws, all
/// operations of the others throw CommError, and the first exception is thrown here. For tests.
void run_ranks(int ranks, const std::function<void(Communicator&)>& rank);

}  // namespace convoy
