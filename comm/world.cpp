#include "comm/world.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fmt/core.h>
#include <mpi.h>
#include <unistd.h>

#include "comm/mpi_check.h"
#include "comm/mpi_communicator.h"
#include "comm/self_communicator.h"
#include "core/host.h"

namespace convoy {

namespace {

/// What a variable says; 1, as without it, where that is no number.
int number_in(const char* text) {
  int number = 1;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : 1;
}

}  // namespace

LaunchEnvironment LaunchEnvironment::read(const char* (*lookup)(const char*)) {
  struct Variables {
    const char* launcher;
    const char* size;
    const char* rank;
  };
  static constexpr Variables kKnown[] = {
      {"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
      {"a PMI launcher (mpiexec.hydra, srun --mpi=pmi2)", "PMI_SIZE", "PMI_RANK"},
      {"Intel MPI's mpirun", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"},
      {"MVAPICH's launcher", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
  };
  for (const Variables& known : kKnown)
    if (const char* size = lookup(known.size); size && lookup(known.rank))
      return {known.launcher, number_in(size)};
  const bool pmix = lookup("PMIX_RANK") != nullptr;
  const char* tasks = lookup("SLURM_STEP_NUM_TASKS");
  if (tasks && lookup("SLURM_PROCID")) {
    const bool reachable = pmix || lookup("PMI_FD") || lookup("PMI_PORT");
    // A step of one task is most often a shell (srun --pty): nothing was started for MPI.
    if (reachable || number_in(tasks) > 1) return {"Slurm's srun", number_in(tasks), reachable};
  }
  if (pmix) return {"a PMIx launcher"};
  return {};
}

void require_all_ranks(const LaunchEnvironment& environment, int mpi_ranks) {
  if (environment.processes <= mpi_ranks) return;
  throw CommError(
      "{} started {} processes, but MPI sees only {}: each would train on its own; start Convoy with the "
      "mpirun of the "
      "Open MPI that it was built with, or with `srun --mpi=pmix`",
      environment.launcher, environment.processes, mpi_ranks);
}

struct World::Impl {
  bool mpi = false;
  int rank = 0, size = 1, local_rank = 0, local_size = 1;
  std::vector<std::string> hosts;
  std::vector<int> first_on_host;  ///< for each rank, the first of those that it can share memory with
  int exceptions = std::uncaught_exceptions();

  void start_mpi(const LaunchEnvironment& environment);
  void find_neighbours();
};

World::World() : impl_(std::make_unique<Impl>()) {
  const LaunchEnvironment environment =
      LaunchEnvironment::read([](const char* name) -> const char* { return std::getenv(name); });
  if (environment.needs_mpi()) {
    impl_->start_mpi(environment);
    impl_->find_neighbours();
  } else {
    require_all_ranks(environment, 1);
    impl_->hosts = {host_name()};
  }
}

// An error here leaves MPI without an end: mpirun then takes down the ranks that may be waiting for this one.
void World::Impl::start_mpi(const LaunchEnvironment& environment) {
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS)
    throw CommError("MPI_Init_thread failed; was Convoy started with the mpirun of {}?", library());
  CONVOY_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
  CONVOY_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  CONVOY_MPI(MPI_Comm_size(MPI_COMM_WORLD, &size));
  if (size == 1 && environment.processes > 1) MPI_Finalize();
  require_all_ranks(environment, size);
  if (provided < MPI_THREAD_MULTIPLE)
    throw CommError("{} was built without MPI_THREAD_MULTIPLE, which Convoy needs", library());
  mpi = true;
}

void World::Impl::find_neighbours() {
  MPI_Comm local = MPI_COMM_NULL;
  CONVOY_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &local));
  CONVOY_MPI(MPI_Comm_rank(local, &local_rank));
  CONVOY_MPI(MPI_Comm_size(local, &local_size));
  int first = rank;
  CONVOY_MPI(MPI_Bcast(&first, 1, MPI_INT, 0, local));  // in the order of their ranks
  CONVOY_MPI(MPI_Comm_free(&local));
  first_on_host.resize(static_cast<std::size_t>(size));
  CONVOY_MPI(MPI_Allgather(&first, 1, MPI_INT, first_on_host.data(), 1, MPI_INT, MPI_COMM_WORLD));

  constexpr int kName = 256;
  std::vector<char> names(static_cast<std::size_t>(size) * kName, '\0');
  std::strncpy(names.data() + rank * kName, host_name().c_str(), kName - 1);
  CONVOY_MPI(
      MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, names.data(), kName, MPI_CHAR, MPI_COMM_WORLD));
  for (int i = 0; i < size; ++i) hosts.emplace_back(names.data() + i * kName);
}

World::~World() {
  if (!impl_->mpi) return;
  if (std::uncaught_exceptions() > impl_->exceptions) {
    fmt::print(stderr, "rank {} of {} has failed and ends all ranks\n", rank(), size());
    abort(ExitCode::communication);
  }
  MPI_Finalize();
}

int World::rank() const { return impl_->rank; }
int World::size() const { return impl_->size; }
int World::local_rank() const { return impl_->local_rank; }
int World::local_size() const { return impl_->local_size; }
const std::vector<std::string>& World::hosts() const { return impl_->hosts; }

std::unique_ptr<Communicator> World::communicator() const {
  return impl_->mpi ? mpi::make_communicator(MPI_COMM_WORLD, {}, impl_->first_on_host)
                    : make_self_communicator();
}

void World::abort(ExitCode code) const noexcept {
  if (impl_->mpi) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));
}

std::string World::library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  if (MPI_Get_library_version(text, &length) != MPI_SUCCESS) return "none";
  const std::string all(text, static_cast<std::size_t>(length));
  return all.substr(0, all.find(','));
}

}  // namespace convoy
