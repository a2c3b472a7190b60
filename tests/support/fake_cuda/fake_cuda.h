#pragma once

#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::fake_cuda {

// A stand-in for the CUDA runtime, cuBLAS, cuDNN and NCCL, linked instead of them. What it keeps to, so that
// code which works here has a chance on a GPU:
//
// - Memory of a device cannot be read or written by the host: it lies in protected pages, opened only while
// queued
//   work of that device runs. An allocation ends at a guard page, and begins filled with NaN.
// - Queued work waits. It runs when the host synchronizes, and then only what that point waits for, in the
// order that
//   Options asks for and streams and events allow.
// - The destination of a copy to the host holds nonsense until the copy has run.
// - What CUDA and its libraries reject is rejected: copies from pageable memory, allocation or
// synchronization during
//   capture, layouts, alignments and workspaces that they do not take.
//
// It cannot show races inside a kernel, rounding, or speed.

enum class Order {
  eager,   ///< each piece of work as soon as it is queued, where what it waits for is done; takes up to a
           ///< millisecond a piece where much memory is held, to open and close it
  latest,  ///< as late as possible: only what a synchronization point needs, the newest stream first
  seeded,  ///< at each point, by the seed's draws among what could run next
};

enum class Threads { forward, backward, shuffled };  ///< of a kernel, within a phase
/// For the names of tests.
inline void PrintTo(Threads threads, std::ostream* to) {
  *to << (threads == Threads::forward ? "forward" : threads == Threads::backward ? "backward" : "shuffled");
}

struct Options {
  int devices = 1;
  int driver = CUDART_VERSION;                      ///< the newest CUDA that it knows
  std::size_t memory_bytes = std::size_t{1} << 30;  ///< of each device
  Order order = Order::latest;
  Threads threads = Threads::forward;
  std::uint64_t seed = 1;
  /// The k-th call (from 1) of the libraries fails, on whichever thread makes it; 0: none does.
  std::int64_t failing_call = 0;
};

/// The stand-in's machine, for as long as the object lives: one at a time. Calls without one find no driver.
class Machine {
 public:
  explicit Machine(const Options& options);
  /// Gives back what is left; ask leaks() before.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Calls that could have failed, so far; and the name of the one that was made to fail, empty before.
  std::int64_t calls() const;
  std::string failed_call() const;
  /// What is still held: "2 of cudaMalloc, 1 of cudnnCreate". Empty: nothing. Wrong frees are named too.
  std::string leaks() const;
  /// Kernels, copies and library calls that have run, by name, in the order that they ran in.
  std::vector<std::string> history() const;
  void forget_history();
};

// For the stand-ins of the libraries.

/// Counts a call that can fail. True: it is to fail.
bool begin_call(const char* name);
/// Counts what leaks() tells of; `what` is the call that made it.
void acquired(const char* what, const void* handle);
/// False, noted for leaks(), where no such handle is held.
bool released(const char* what, const void* handle);

/// Queues work of a stream, to run while the memory of the stream's device is open. During capture it becomes
/// a node.
cudaError_t enqueue(cudaStream_t stream, std::string name, std::function<void()> work);
struct Work;
/// Work that several streams take part in, such as a collective: runs once all of them have queued their part
/// and come so far, with the memory of all their devices open; none goes on before.
class Collective {
 public:
  Collective(int streams, std::function<void()> work);
  /// Lets those go on that wait for streams that will never come. Nothing runs.
  void abandon();
  const std::shared_ptr<Work>& work() const { return work_; }

 private:
  std::shared_ptr<Work> work_;
};
/// Queues a stream's part. `join` names the collective, when the part is queued: at once, or at each launch
/// of a graph.
cudaError_t enqueue_part(cudaStream_t stream, std::string name,
                         std::function<std::shared_ptr<Collective>()> join);
/// Whether the device of a stream owns all of [address, address + bytes): what a library may be given.
bool is_on_device(cudaStream_t stream, const void* address, std::size_t bytes);
/// Whether the calling thread may not synchronize or allocate now: some stream is being captured.
bool is_capturing();

}  // namespace convoy::fake_cuda
