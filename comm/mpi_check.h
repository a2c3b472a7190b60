#pragma once

#include <mpi.h>

#include "core/error.h"

namespace convoy::mpi {

/// Throws CommError with the call, its place and MPI's own words unless `result` is success. Communicators
/// return errors rather than abort (MPI_ERRORS_RETURN), or this would never run.
inline void check(int result, const char* call, const char* file, int line) {
  if (result == MPI_SUCCESS) return;
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(result, words, &length);
  throw CommError("MPI failed at {}:{}: {}: {}", file, line, call, words);
}

}  // namespace convoy::mpi

#define CONVOY_MPI(call) ::convoy::mpi::check((call), #call, __FILE__, __LINE__)
