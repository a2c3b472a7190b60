#pragma once

// How kernels are started: the only file that knows CUDA's launch syntax. A kernel is a functor. Compiled by
// nvcc it runs on the device; compiled as plain C++ it runs on the host, for tests without a GPU: as work of
// the same stream, its threads in any order that the test asks for.

// It makes core/math.h's functions the device's too, so nvcc is told to include it before everything else.
#if defined(__CUDACC__)
#if defined(CONVOY_MATH)
#error include core/cuda/launch.h before everything else
#endif
#define CONVOY_MATH __host__ __device__ __forceinline__
#define CONVOY_DEVICE __host__ __device__
#else
#define CONVOY_DEVICE
#endif

#include <cstdint>

#include "core/cuda/check.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {

/// Threads of a block that launch() starts.
inline constexpr int kThreadsPerBlock = 256;

/// What a kernel in phases knows of where it runs. The threads of a block share `shared`; between two phases
/// they wait for each other, so that a phase sees all that the ones before it have written there.
template <class Shared>
struct Block {
  std::int64_t block;  ///< of launch_blocks()' number
  int thread;          ///< of Body::kThreads
  Shared& shared;
};

/// Adds to an integer that other threads add to at the same time: the sum does not depend on their order.
CONVOY_DEVICE inline void atomic_add(std::int64_t* sum, std::int64_t value);
/// Makes an integer the larger of itself and `value`, likewise.
CONVOY_DEVICE inline void atomic_max(std::int32_t* largest, std::int32_t value);

}  // namespace convoy::cuda

#if defined(__CUDACC__)

namespace convoy::cuda {

CONVOY_DEVICE inline void atomic_add([[maybe_unused]] std::int64_t* sum,
                                     [[maybe_unused]] std::int64_t value) {
#if defined(__CUDA_ARCH__)
  atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
#endif
}
CONVOY_DEVICE inline void atomic_max([[maybe_unused]] std::int32_t* largest,
                                     [[maybe_unused]] std::int32_t value) {
#if defined(__CUDA_ARCH__)
  atomicMax(largest, value);
#endif
}

template <class Body>
__global__ void __launch_bounds__(kThreadsPerBlock) run_elements(const Body body, const std::int64_t n) {
  const std::int64_t stride = std::int64_t{gridDim.x} * kThreadsPerBlock;
  for (std::int64_t i = std::int64_t{blockIdx.x} * kThreadsPerBlock + threadIdx.x; i < n; i += stride)
    body(i);
}

namespace detail {
template <class Body, int kPhase = 0>
__device__ void run_phases(const Body& body, const Block<typename Body::Shared>& at) {
  body.template run<kPhase>(at);
  if constexpr (kPhase + 1 < Body::kPhases) {
    __syncthreads();
    run_phases<Body, kPhase + 1>(body, at);
  }
}
}  // namespace detail

template <class Body>
__global__ void __launch_bounds__(Body::kThreads) run_blocks(const Body body) {
  __shared__ typename Body::Shared shared;
  detail::run_phases(body, Block<typename Body::Shared>{blockIdx.x, static_cast<int>(threadIdx.x), shared});
}

/// Calls body(i) for every i of [0, n), in no order. The body is copied; what it points to is the device's.
template <class Body>
void launch(const Stream& stream, std::int64_t n, const Body& body) {
  if (n <= 0) return;
  constexpr std::int64_t kMostBlocks = std::int64_t{1} << 20;
  const std::int64_t blocks = (n + kThreadsPerBlock - 1) / kThreadsPerBlock;
  run_elements<<<static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks), kThreadsPerBlock, 0,
                 stream.get()>>>(body, n);
  CONVOY_CUDA_CALL(cudaGetLastError());
}

/// Runs `blocks` blocks of Body::kThreads threads, each through the phases body.template run<0>(at), …,
/// run<Body::kPhases - 1>(at), with a Body::Shared (trivial, its values undefined at first) for each block.
template <class Body>
void launch_blocks(const Stream& stream, std::int64_t blocks, const Body& body) {
  if (blocks <= 0) return;
  run_blocks<<<static_cast<unsigned>(blocks), Body::kThreads, 0, stream.get()>>>(body);
  CONVOY_CUDA_CALL(cudaGetLastError());
}

}  // namespace convoy::cuda

#else

#include <cstring>
#include <functional>
#include <memory>
#include <utility>

namespace convoy::cuda {

inline void atomic_add(std::int64_t* sum, std::int64_t value) { *sum += value; }
inline void atomic_max(std::int32_t* largest, std::int32_t value) {
  if (value > *largest) *largest = value;
}

/// Defined by the tests' stand-in for the CUDA runtime.
namespace emulation {

/// In which order the threads of a launch take their turns.
class ThreadOrder {
 public:
  virtual ~ThreadOrder() = default;
  /// Calls visit(i) once for each i of [0, n).
  virtual void each(std::int64_t n, const std::function<void(std::int64_t)>& visit) = 0;
};

/// Queues `kernel` as work of the stream. Returns what cudaLaunchKernel would.
cudaError_t enqueue_kernel(cudaStream_t stream, std::function<void(ThreadOrder&)> kernel);

template <class Body, int kPhase = 0>
void run_phases(ThreadOrder& order, const Body& body, std::int64_t block, typename Body::Shared& shared) {
  order.each(Body::kThreads, [&](std::int64_t thread) {
    body.template run<kPhase>(Block<typename Body::Shared>{block, static_cast<int>(thread), shared});
  });
  if constexpr (kPhase + 1 < Body::kPhases) run_phases<Body, kPhase + 1>(order, body, block, shared);
}

}  // namespace emulation

template <class Body>
void launch(const Stream& stream, std::int64_t n, const Body& body) {
  if (n <= 0) return;
  CONVOY_CUDA_CALL(emulation::enqueue_kernel(
      stream.get(), [body, n](emulation::ThreadOrder& order) { order.each(n, body); }));
}

template <class Body>
void launch_blocks(const Stream& stream, std::int64_t blocks, const Body& body) {
  if (blocks <= 0) return;
  CONVOY_CUDA_CALL(emulation::enqueue_kernel(stream.get(), [body, blocks](emulation::ThreadOrder& order) {
    order.each(blocks, [&](std::int64_t block) {
      const auto shared = std::make_unique<typename Body::Shared>();
      std::memset(static_cast<void*>(shared.get()), 0xFF, sizeof *shared);  // NaN, as nothing is written yet
      emulation::run_phases(order, body, block, *shared);
    });
  }));
}

}  // namespace convoy::cuda

#endif
