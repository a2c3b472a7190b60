#pragma once

#include <filesystem>

#include "comm/communicator.h"
#include "core/profiler.h"
#include "launcher/engine.h"

namespace convoy {

/// Writes every rank's spans as one file of trace events ("Trace Event Format", JSON), which
/// https://ui.perfetto.dev and chrome://tracing show: a process a rank, a thread a worker. Times count from
/// `start`, a moment that the ranks share. Rank 0 writes. Collective. Throws CheckpointError, on all ranks,
/// where the file cannot be written.
void write_trace(const std::filesystem::path& path, const Profiler& profiler,
                 std::span<const EngineBlock> blocks, Profiler::Clock::time_point start, int workers,
                 Communicator& communicator);

}  // namespace convoy
