#pragma once

#include <cstdint>
#include <string>

#include "layers/network.h"
#include "layers/worker_pool.h"

namespace convoy {

/// SHA-256 of what a step of `samples` samples in one slice computes, with every kernel of the network, from
/// fixed pictures and weights: the loss, all gradients, and the moving statistics.
std::string probe(Network& network, WorkerPool& pool, const simd::Table& loops, std::int64_t samples);

}  // namespace convoy
