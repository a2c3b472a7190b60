#pragma once

#include <mpi.h>

namespace convoy::mpi {

/// Throws CommError with the call, its place and MPI's own words unless `result` is success. Communicators
/// return errors rather than abort (MPI_ERRORS_RETURN), or this would never run.
void check(int result, const char* call, const char* file, int line);

}  // namespace convoy::mpi

#define CONVOY_MPI(call) ::convoy::mpi::check((call), #call, __FILE__, __LINE__)
