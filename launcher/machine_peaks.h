#pragma once

#include "core/cpu/simd/table.h"
#include "layers/worker_pool.h"

namespace convoy {

/// What one worker gets of the machine while all workers of the process are at it.
struct MachinePeaks {
  double flops = 0;  ///< a second, of float32 multiply-adds in registers
  double bytes = 0;  ///< a second, read from and written to memory by a loop over more than the caches hold
};

/// Measured in about half a second, in every worker at once; ranks that share a host call it together.
/// `workers_on_host`: of all ranks, to share the memory that is walked through.
MachinePeaks measure_peaks(WorkerPool& pool, const simd::Table& loops, int workers_on_host);

}  // namespace convoy
