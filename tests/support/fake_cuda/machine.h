#pragma once

// What the parts of the stand-in share.

#include <condition_variable>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fake_cuda/device_arena.h"
#include "tests/support/fake_cuda/fake_cuda.h"
#include "tests/support/fake_cuda/work_queue.h"

namespace convoy::fake_cuda {

/// A piece of work in a graph: made into Work at each launch.
struct Node {
  std::string name;
  std::function<void()> run;
  std::function<void()> prepare;                      ///< when it is queued, on its own or with a graph
  std::function<std::shared_ptr<Collective>()> join;  ///< instead of `run`: what it is a part of
  std::int64_t lane = 0;
  int device = 0;
  std::vector<std::size_t> after;  ///< nodes
};

/// Streams whose work becomes nodes.
struct Capture {
  cudaStream_t origin = nullptr;
  std::vector<cudaStream_t> streams;
  std::vector<Node> nodes;
  bool valid = true, ended = false;
};

}  // namespace convoy::fake_cuda

// CUDA leaves these to the library.
struct CUstream_st {
  int device;
  std::int64_t lane;
  convoy::fake_cuda::WorkPointer last;
  std::shared_ptr<convoy::fake_cuda::Capture> capture;
  std::vector<std::size_t> frontier;  // the nodes that the next one waits for
};
struct CUevent_st {
  int device;
  convoy::fake_cuda::WorkPointer work;
  std::shared_ptr<convoy::fake_cuda::Capture> capture;
  std::vector<std::size_t> frontier;
};
struct CUgraph_st {
  std::vector<convoy::fake_cuda::Node> nodes;
};
struct CUgraphExec_st {
  std::vector<convoy::fake_cuda::Node> nodes;
  convoy::fake_cuda::WorkPointer last_launch;
};

namespace convoy::fake_cuda {

/// The machine's state. One lock guards all of it; queued work runs under it too.
struct State {
  explicit State(const Options& given);
  ~State();

  Options options;
  std::vector<std::unique_ptr<DeviceArena>> devices;
  std::vector<std::unique_ptr<CUstream_st>> default_streams;
  std::map<void*, std::size_t> pinned;
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
  std::set<cudaGraph_t> graphs;
  std::set<cudaGraphExec_t> executables;
  WorkQueue queue;
  std::int64_t lanes = 0;
  std::condition_variable_any changed;  ///< something was queued
  bool running = false;                 ///< a piece of work is at it
  cudaError_t broken = cudaSuccess;     ///< an error of work that has run: all later calls return it

  std::int64_t calls = 0;
  std::string failed_call;
  std::map<std::pair<const void*, std::string>, std::string> held;  ///< which call gave it
  std::vector<std::string> complaints, history;

  void execute(Work& work);
  void close_devices();
  void complain(const std::string& what);
};

std::recursive_mutex& machine_mutex();
/// Null: there is none.
State* machine();

/// The calling thread's device, of the machine that is there now.
int& current_device();
/// The capture that the calling thread has begun; null where there is none.
std::shared_ptr<Capture>& current_capture();

/// Keeps it for cudaGetLastError.
cudaError_t note_error(cudaError_t code);
/// What a call returns that is made to fail.
cudaError_t failure_of(std::string_view name);
/// Says on stderr why a call is rejected.
cudaError_t reject(cudaError_t code, const std::string& why);
/// Runs what `target` waits for, and itself. Waits for other threads where streams of theirs take part in it.
cudaError_t finish(State& state, const WorkPointer& target);
/// Runs all that is queued for a device.
void finish_device(State& state, int device);
/// Makes a call that would synchronize or allocate fail, and the capture with it, while one is going on.
bool breaks_capture();
/// Queues work in a stream, or adds it to the graph that is captured there. `prepare` is called whenever it
/// is queued.
cudaError_t queue_work(State& state, cudaStream_t stream, Node node);
WorkPointer queue_node(State& state, const Node& node, const std::vector<WorkPointer>& after);
void after_queueing(State& state);
/// The stream itself, or the current device's default stream. Null where there is no such stream.
cudaStream_t find_stream(State& state, cudaStream_t stream);

/// What each function of the runtime does around its own part: body(state, fails), where `fails` says that
/// the call is to fail whatever it does.
template <class Body>
cudaError_t call_always(const char* name, const Body& body) {
  const std::unique_lock lock(machine_mutex());
  State* state = machine();
  if (!state) return note_error(cudaErrorInsufficientDriver);
  const bool fails = begin_call(name);
  const cudaError_t code = body(*state, fails);
  state->close_devices();
  return note_error(fails ? failure_of(name) : code);
}

/// For calls that do nothing where they fail: body(state).
template <class Body>
cudaError_t call(const char* name, const Body& body) {
  return call_always(name, [&](State& state, bool fails) { return fails ? cudaSuccess : body(state); });
}

}  // namespace convoy::fake_cuda
