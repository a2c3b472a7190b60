// Every rank runs every test, under mpirun. A rank that throws takes the others down: none is left waiting.
#include <cstdio>
#include <exception>
#include <gtest/gtest.h>
#include <mpi.h>

#include "tests/comm/mpi/world_of_tests.h"

namespace {

/// Rank 0 prints as usual; the others speak up when something fails.
class FailuresOf : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOf(int rank) : rank_(rank) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed())
      std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name(), result.line_number(),
                   result.message());
  }

 private:
  int rank_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  GTEST_FLAG_SET(catch_exceptions, false);
  const convoy::World world;
  int started = 0;
  if (MPI_Initialized(&started) != MPI_SUCCESS || !started) {
    std::fputs("run these tests under mpirun\n", stderr);
    return 2;
  }
  convoy::world_of_tests(&world);
  if (world.rank() != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOf(world.rank()));
  }
  try {
    return RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", world.rank(), error.what());
    world.abort(convoy::ExitCode::defect);
  }
}
