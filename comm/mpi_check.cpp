#include "comm/mpi_check.h"

#include <string_view>

#include "core/error.h"

namespace convoy::mpi {

void check(int result, const char* call, const char* file, int line) {
  if (result == MPI_SUCCESS) return;
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(result, words, &length) != MPI_SUCCESS) length = 0;
  std::string_view place = file;
  if (const auto folder = place.rfind("comm/"); folder != place.npos) place.remove_prefix(folder);
  throw CommError("MPI failed at {}:{}: {}: {}", place, line, call,
                  length > 0 ? std::string_view(words) : "without a word");
}

}  // namespace convoy::mpi
