#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "core/error.h"

namespace convoy {

/// What the environment says of the launcher that started this process (mpirun, srun, …).
struct LaunchEnvironment {
  std::string launcher;  ///< empty: started by hand, or by something that says nothing of MPI
  int processes = 1;
  bool reachable = true;  ///< whether it left what an MPI library needs to find the other processes

  /// From the variables of Open MPI, PMIx, PMI, Intel MPI, MVAPICH and Slurm. `lookup` is std::getenv but for
  /// tests.
  static LaunchEnvironment read(const char* (*lookup)(const char*));

  bool needs_mpi() const { return !launcher.empty() && reachable; }
};

/// Throws CommError where the launcher started more processes than MPI sees: each would train on its own.
void require_all_ranks(const LaunchEnvironment& environment, int mpi_ranks);

/// This process's place among the ranks. Starts MPI if a launcher started the process, and without one is a
/// world of a single rank that never touches MPI. Exactly one object a process.
class World {
 public:
  /// Throws CommError.
  World();
  /// Ends MPI; collective. While an exception is under way it takes the other ranks down instead, since they
  /// may wait.
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int rank() const;
  int size() const;
  /// Among the ranks of the same host.
  int local_rank() const;
  int local_size() const;
  /// One a rank.
  const std::vector<std::string>& hosts() const;
  /// A communicator of all ranks, its own duplicate. Collective. Different communicators may be used by
  /// different threads at the same time.
  std::unique_ptr<Communicator> communicator() const;

  /// Ends this process and all other ranks with `code`, now. From any thread.
  [[noreturn]] void abort(ExitCode code) const noexcept;

  /// "Open MPI v4.1.4, …", or "none".
  static std::string library();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
