#pragma once

#include <memory>
#include <mpi.h>

#include "comm/communicator.h"

namespace convoy::mpi {

/// A communicator over a duplicate of `parent`. Collective. Throws CommError.
std::unique_ptr<Communicator> make_communicator(MPI_Comm parent);

}  // namespace convoy::mpi
