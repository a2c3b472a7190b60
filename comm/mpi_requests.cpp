#include "comm/mpi_requests.h"

#include <algorithm>
#include <limits>

#include "comm/backoff.h"
#include "comm/mpi_check.h"
#include "core/error.h"

namespace convoy::mpi {

namespace {

constexpr auto kLetGo = std::chrono::seconds(1);

int count_of(std::size_t elements) {
  require(elements <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
          "an MPI message of too many elements");
  return static_cast<int>(elements);
}

}  // namespace

Requests::~Requests() {
  const auto over = [](MPI_Request request) { return request == MPI_REQUEST_NULL; };
  if (std::ranges::all_of(requests_, over)) return;
  if (!shared_->let_go_until) shared_->let_go_until = std::chrono::steady_clock::now() + kLetGo;
  for (std::size_t i : receives_)
    if (!over(requests_[i])) MPI_Cancel(&requests_[i]);
  Backoff backoff;
  for (int all = 0; !all && std::chrono::steady_clock::now() < *shared_->let_go_until; backoff.pause())
    if (MPI_Testall(count_of(requests_.size()), requests_.data(), &all, MPI_STATUSES_IGNORE) != MPI_SUCCESS)
      return;
}

void Requests::receive(void* data, std::size_t elements, MPI_Datatype type, int from) {
  receives_.push_back(requests_.size());
  CONVOY_MPI(MPI_Irecv(data, count_of(elements), type, from, 0, comm_, add()));
}

void Requests::send(const void* data, std::size_t elements, MPI_Datatype type, int to) {
  CONVOY_MPI(MPI_Isend(data, count_of(elements), type, to, 0, comm_, add()));
}

bool Requests::test(std::size_t first, std::size_t count) {
  if (count == 0) return true;
  statuses_.resize(std::max(statuses_.size(), count));
  int all = 0;
  const int result = MPI_Testall(count_of(count), requests_.data() + first, &all, statuses_.data());
  if (result == MPI_ERR_IN_STATUS)
    for (std::size_t i = 0; i < count; ++i)
      if (statuses_[i].MPI_ERROR != MPI_ERR_PENDING) CONVOY_MPI(statuses_[i].MPI_ERROR);
  CONVOY_MPI(result);
  return all != 0;
}

}  // namespace convoy::mpi
