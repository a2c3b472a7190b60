#pragma once

#include <functional>
#include <vector>

#include "comm/communicator.h"

namespace convoy {

/// Runs `rank(communicator)` in one thread for each of `ranks` ranks and returns when all are done. If one
/// throws, all operations of the others throw CommError, and the first exception is thrown here. Ranks that
/// call different operations, or the same with other sizes, are a DefectError. `hosts`:
/// Communicator::hosts(); where it is empty, each rank has a host of its own. For tests.
void run_ranks(int ranks, const std::function<void(Communicator&)>& rank, std::vector<int> hosts = {});

}  // namespace convoy
