// One process of a world in which something happens; its exit code is what the test expects.
// usage: world_probe describe | throw-through-world | throw-and-abort
#include <cstdio>
#include <cstring>
#include <mpi.h>
#include <vector>

#include "comm/world.h"

namespace {

using namespace convoy;

bool mpi_is_running() {
  int initialized = 0;
  return MPI_Initialized(&initialized) == MPI_SUCCESS && initialized != 0;
}

void describe(const World& world) {
  std::printf("rank %d of %d, local %d of %d, host %s, MPI %s\n", world.rank(), world.size(),
              world.local_rank(), world.local_size(),
              world.hosts()[static_cast<std::size_t>(world.rank())].c_str(),
              mpi_is_running() ? "running" : "untouched");
}

/// Rank 0 throws with sums under way that the others never join.
void throw_early(const World& world) {
  const auto communicator = world.communicator();
  if (world.rank() != 0) communicator->barrier();
  constexpr std::int64_t kEach = 100'000;
  const std::vector<std::int64_t> counts(static_cast<std::size_t>(world.size()), kEach);
  std::vector<std::int64_t> integers(static_cast<std::size_t>(world.size() * kEach));
  std::vector<float> floats(integers.size());
  const auto first = communicator->start_reduce_scatter(std::span(integers), counts);
  const auto second = communicator->start_reduce_scatter(std::span(floats), counts);
  throw DataError("rank 0 has had enough");
}

void run(const char* scene) {
  const World world;
  if (std::strcmp(scene, "describe") == 0) {
    describe(world);
  } else if (std::strcmp(scene, "throw-through-world") == 0) {
    throw_early(world);
  } else if (std::strcmp(scene, "throw-and-abort") == 0) {
    try {
      throw_early(world);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      world.abort(error.code());
    }
  } else {
    throw ConfigError("no scene '{}'", scene);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "describe");
    return 0;
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
