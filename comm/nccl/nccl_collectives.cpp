#include "comm/nccl/nccl_collectives.h"

#include <algorithm>
#include <exception>

#include "comm/backoff.h"
#include "core/error.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

bool all_equal(std::span<const std::int64_t> counts) {
  return std::ranges::all_of(counts, [&](std::int64_t count) { return count == counts[0]; });
}

}  // namespace

NcclCollectives::NcclCollectives(std::unique_ptr<Communicator> communicator)
    : communicator_(std::move(communicator)), exceptions_(std::uncaught_exceptions()) {
  // Rank 0's result goes with the id, so that no rank waits for one that rank 0 does not have.
  struct {
    ncclUniqueId id{};
    ncclResult_t result = ncclSuccess;
  } first;
  if (rank() == 0) first.result = ncclGetUniqueId(&first.id);
  communicator_->broadcast(std::as_writable_bytes(std::span(&first, 1)), 0);
  check(first.result, "ncclGetUniqueId");
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const ncclResult_t result = ncclCommInitRankConfig(&comm_, size(), first.id, rank(), &config);
  try {
    complete(result, "ncclCommInitRankConfig");
  } catch (...) {
    if (comm_) ncclCommAbort(comm_);
    throw;
  }
}

NcclCollectives::~NcclCollectives() {
  bool abandoned = failed_ || std::uncaught_exceptions() > exceptions_;
  if (!abandoned) {
    try {
      complete(ncclCommFinalize(comm_), "ncclCommFinalize");
    } catch (const std::exception& error) {
      fmt::print(stderr, "convoy: {}\n", error.what());
      abandoned = true;
    }
  }
  const ncclResult_t result = abandoned ? ncclCommAbort(comm_) : ncclCommDestroy(comm_);
  if (result != ncclSuccess)
    fmt::print(stderr, "convoy: {}: {}\n", abandoned ? "ncclCommAbort" : "ncclCommDestroy",
               ncclGetErrorString(result));
}

void NcclCollectives::check(ncclResult_t result, const char* call) {
  if (result == ncclSuccess) return;
  failed_ = true;
  const char* detail = comm_ ? ncclGetLastError(comm_) : nullptr;
  throw CommError("{}: {}{}{}", call, ncclGetErrorString(result), detail && *detail ? ": " : "",
                  detail ? detail : "");
}

/// Waits until NCCL has done what it does on the host. It never blocks, so that a rank that has failed is
/// noticed.
void NcclCollectives::complete(ncclResult_t result, const char* call) {
  for (Backoff backoff; result == ncclInProgress; backoff.pause()) {
    communicator_->require_alive();
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError");
    result = state;
  }
  check(result, call);
}

void NcclCollectives::require_alive() {
  communicator_->require_alive();
  ncclResult_t state = ncclSuccess;
  check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError");
  if (state != ncclInProgress) check(state, "an exchange between GPUs");
}

template <class Call>
void NcclCollectives::grouped(const Call& call) {
  check(ncclGroupStart(), "ncclGroupStart");
  ncclResult_t inside = ncclSuccess;
  const char* failed = nullptr;
  call([&](ncclResult_t result, const char* name) {
    if (result == ncclSuccess || result == ncclInProgress || failed) return;
    inside = result;
    failed = name;
  });
  const ncclResult_t end = ncclGroupEnd();  // also where a call has failed: the group is this thread's
  if (failed) check(inside, failed);
  complete(end, "ncclGroupEnd");
}

void NcclCollectives::sum(const cuda::Stream& stream, std::byte* data, std::span<const std::int64_t> counts,
                          ncclDataType_t type, std::int64_t width) {
  if (all_equal(counts)) {
    if (counts[0] == 0) return;
    const std::size_t count = index(counts[0]);
    complete(ncclReduceScatter(data, data + index(rank()) * count * index(width), count, type, ncclSum, comm_,
                               stream.get()),
             "ncclReduceScatter");
    return;
  }
  grouped([&](const auto& note) {
    for (int owner = 0; owner < size(); data += counts[index(owner++)] * width)
      if (counts[index(owner)] > 0)
        note(ncclReduce(data, data, index(counts[index(owner)]), type, ncclSum, owner, comm_, stream.get()),
             "ncclReduce");
  });
}

void NcclCollectives::reduce_scatter(const cuda::Stream& stream, std::int64_t* data,
                                     std::span<const std::int64_t> counts) {
  sum(stream, reinterpret_cast<std::byte*>(data), counts, ncclInt64, sizeof(std::int64_t));
}

void NcclCollectives::reduce_scatter(const cuda::Stream& stream, float* data,
                                     std::span<const std::int64_t> counts) {
  sum(stream, reinterpret_cast<std::byte*>(data), counts, ncclFloat32, sizeof(float));
}

void NcclCollectives::all_gather(const cuda::Stream& stream, std::byte* data,
                                 std::span<const std::int64_t> bytes) {
  if (all_equal(bytes)) {
    if (bytes[0] == 0) return;
    complete(ncclAllGather(data + rank() * bytes[0], data, index(bytes[0]), ncclInt8, comm_, stream.get()),
             "ncclAllGather");
    return;
  }
  grouped([&](const auto& note) {
    for (int owner = 0; owner < size(); data += bytes[index(owner++)])
      if (bytes[index(owner)] > 0)
        note(ncclBroadcast(data, data, index(bytes[index(owner)]), ncclInt8, owner, comm_, stream.get()),
             "ncclBroadcast");
  });
}

}  // namespace convoy
