#pragma once

#include <cstdint>
#include <memory>
#include <mpi.h>
#include <vector>

#include "comm/communicator.h"

namespace convoy::mpi {

/// How messages are cut: MPI's counts are of 32 bits, and a piece of a sum is added while it is in the cache.
/// Tests make both small; all ranks must choose alike.
struct MessageSizes {
  std::int64_t largest = std::int64_t{1} << 30;       ///< bytes of a message
  std::int64_t sum_piece = std::int64_t{256} * 1024;  ///< bytes of a message that is added to another
};

/// A communicator over a duplicate of `parent`, which must return errors. `hosts`: Communicator::hosts();
/// where it is empty, no rank shares memory with another. Collective. Throws CommError. The library makes no
/// progress by itself: only while one of this process's threads is in wait() or test().
std::unique_ptr<Communicator> make_communicator(MPI_Comm parent, const MessageSizes& sizes = {},
                                                std::vector<int> hosts = {});

}  // namespace convoy::mpi
