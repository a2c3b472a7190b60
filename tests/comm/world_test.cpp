#include "comm/world.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

namespace convoy {
namespace {

std::map<std::string, std::string> environment;
const char* look_up(const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? nullptr : found->second.c_str();
}
LaunchEnvironment read(std::map<std::string, std::string> variables) {
  environment = std::move(variables);
  return LaunchEnvironment::read(look_up);
}

TEST(LaunchEnvironment, NeedsNoMpiWithoutALauncher) {
  const LaunchEnvironment found = read({{"PATH", "/usr/bin"}});
  EXPECT_TRUE(found.launcher.empty());
  EXPECT_FALSE(found.needs_mpi());
  EXPECT_NO_THROW(require_all_ranks(found, 1));
}

TEST(LaunchEnvironment, KnowsTheLaunchersAndTheirSizes) {
  EXPECT_EQ(read({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}}).processes, 4);
  EXPECT_EQ(read({{"PMI_SIZE", "3"}, {"PMI_RANK", "0"}}).processes, 3);
  EXPECT_EQ(read({{"MPI_LOCALNRANKS", "2"}, {"MPI_LOCALRANKID", "1"}}).processes, 2);
  EXPECT_EQ(read({{"MV2_COMM_WORLD_SIZE", "8"}, {"MV2_COMM_WORLD_RANK", "1"}}).processes, 8);
  EXPECT_TRUE(read({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}}).needs_mpi());
  EXPECT_TRUE(read({{"PMIX_RANK", "0"}}).needs_mpi());
  const LaunchEnvironment slurm =
      read({{"SLURM_STEP_NUM_TASKS", "16"}, {"SLURM_PROCID", "7"}, {"PMIX_RANK", "7"}});
  EXPECT_EQ(slurm.processes, 16);
  EXPECT_TRUE(slurm.needs_mpi());
}

TEST(LaunchEnvironment, TakesAShellInASlurmStepForNoLauncher) {
  EXPECT_FALSE(read({{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}}).needs_mpi());
  EXPECT_FALSE(read({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).needs_mpi()) << "a batch script";
}

TEST(LaunchEnvironment, RefusesSlurmTasksThatMpiCannotJoinBeforeMpiStarts) {
  const LaunchEnvironment found = read({{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "2"}});
  EXPECT_FALSE(found.needs_mpi());
  EXPECT_THROW(require_all_ranks(found, 1), CommError);
}

TEST(LaunchEnvironment, DoesNotTrustVariablesThatAreNoNumbers) {
  EXPECT_EQ(read({{"PMI_SIZE", "many"}, {"PMI_RANK", "0"}}).processes, 1);
  EXPECT_EQ(read({{"PMI_SIZE", ""}, {"PMI_RANK", "0"}}).processes, 1);
}

TEST(LaunchEnvironment, RefusesSingletonsAndSaysWhatToDo) {
  const LaunchEnvironment found = read({{"PMI_SIZE", "3"}, {"PMI_RANK", "0"}});
  EXPECT_NO_THROW(require_all_ranks(found, 3));
  try {
    require_all_ranks(found, 1);
    FAIL();
  } catch (const CommError& error) {
    EXPECT_STREQ(error.what(),
                 "a PMI launcher (mpiexec.hydra, srun --mpi=pmi2) started 3 processes, but MPI sees only 1: "
                 "each would "
                 "train on its own; start Convoy with the mpirun of the Open MPI that it was built with, or "
                 "with `srun "
                 "--mpi=pmix`");
  }
}

}  // namespace
}  // namespace convoy
