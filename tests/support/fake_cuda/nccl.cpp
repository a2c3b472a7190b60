// A stand-in for NCCL: a rendezvous of the ranks, each in a thread with a device of its own, that checks that
// all call alike. Its communicators do not block, and say "in progress" at least once wherever NCCL may.
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <nccl.h>
#include <vector>

#include "tests/support/fake_cuda/machine.h"

using namespace convoy::fake_cuda;

namespace {

enum class Operation { reduce, reduce_scatter, broadcast, all_gather };

struct Call {
  Operation operation;
  ncclDataType_t type;
  std::size_t count;
  int root;
  const void* from;
  void* to;

  bool is_like(const Call& other) const {
    return operation == other.operation && type == other.type && count == other.count && root == other.root;
  }
};

/// One exchange: what each rank brings to it.
struct Exchange {
  std::map<int, Call> calls;
  std::shared_ptr<Collective> collective;
};

struct Group {
  int size = 0;
  std::map<int, int> devices;                                   ///< of the ranks that have come
  std::map<std::int64_t, std::shared_ptr<Exchange>> exchanges;  ///< that have not run, by their number
  bool aborted = false;
};

std::map<std::uint64_t, std::shared_ptr<Group>> groups;
std::uint64_t next_id = 1;

std::size_t width_of(ncclDataType_t type) {
  return type == ncclInt64 ? sizeof(std::int64_t) : type == ncclFloat32 ? sizeof(float) : 1;
}

template <class T>
void sum(const Exchange& exchange, std::size_t first, void* to) {
  const Call& any = exchange.calls.begin()->second;
  std::vector<T> sums(any.count);
  for (const auto& [rank, call] : exchange.calls)
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = static_cast<T>(sums[i] + static_cast<const T*>(call.from)[first + i]);
  std::memcpy(to, sums.data(), sums.size() * sizeof(T));
}

void sum(const Exchange& exchange, std::size_t first, void* to) {
  if (exchange.calls.begin()->second.type == ncclInt64)
    sum<std::int64_t>(exchange, first, to);
  else
    sum<float>(exchange, first, to);
}

void run(const Exchange& exchange) {
  const Call& any = exchange.calls.begin()->second;
  const std::size_t bytes = any.count * width_of(any.type);
  switch (any.operation) {
    case Operation::reduce:
      sum(exchange, 0, exchange.calls.at(any.root).to);
      break;
    case Operation::reduce_scatter: {
      std::map<int, std::vector<std::byte>> results;  // a rank's part may lie in what others still read
      for (const auto& [rank, call] : exchange.calls) {
        results[rank].resize(bytes);
        sum(exchange, static_cast<std::size_t>(rank) * any.count, results[rank].data());
      }
      for (const auto& [rank, result] : results)
        std::memcpy(exchange.calls.at(rank).to, result.data(), bytes);
      break;
    }
    case Operation::broadcast:
      for (const auto& [rank, call] : exchange.calls)
        std::memmove(call.to, exchange.calls.at(any.root).from, bytes);
      break;
    case Operation::all_gather:
      for (const auto& [from, source] : exchange.calls)
        for (const auto& [rank, call] : exchange.calls)
          std::memmove(static_cast<std::byte*>(call.to) + static_cast<std::size_t>(from) * bytes, source.from,
                       bytes);
      break;
  }
}

}  // namespace

struct ncclComm {
  std::shared_ptr<Group> group;
  int rank = 0;
  std::int64_t exchanges = 0;  ///< that this rank has come to
  bool just_called = false;    ///< says so to who asks next
  bool finalized = false;
};

namespace {

/// Calls between ncclGroupStart and ncclGroupEnd.
struct Grouped {
  int depth = 0;
  bool broken = false;  ///< a call has failed: the group does nothing
  std::vector<std::function<ncclResult_t()>> calls;
};
thread_local Grouped grouped;

ncclResult_t reject(const std::string& why) {
  std::fprintf(stderr, "fake NCCL: %s\n", why.c_str());
  return ncclInvalidUsage;
}

/// The exchange that a rank comes to next, with what it brings. Called when a stream gets it, or a graph is
/// launched.
std::shared_ptr<Collective> come(ncclComm* comm, const Call& call) {
  Group& group = *comm->group;
  const std::int64_t number = comm->exchanges++;
  auto& exchange = group.exchanges[number];
  if (!exchange) {
    exchange = std::make_shared<Exchange>();
    exchange->collective = std::make_shared<Collective>(group.size, [&group, number] {
      const std::shared_ptr<Exchange> whole = group.exchanges.extract(number).mapped();
      run(*whole);
    });
    if (group.aborted) exchange->collective->abandon();
  }
  if (!exchange->calls.empty() && !exchange->calls.begin()->second.is_like(call)) {
    std::fprintf(stderr,
                 "fake NCCL: rank %d calls another exchange than rank %d, or with another size or type\n",
                 comm->rank, exchange->calls.begin()->first);
    std::abort();
  }
  exchange->calls.emplace(comm->rank, call);
  return exchange->collective;
}

ncclResult_t queue(ncclComm* comm, cudaStream_t stream, const Call& call) {
  comm->just_called = true;
  return enqueue_part(stream, "NCCL", [comm, call] { return come(comm, call); }) == cudaSuccess
             ? ncclInProgress
             : ncclUnhandledCudaError;
}

ncclResult_t start(const char* name, ncclComm* comm, cudaStream_t stream, const Call& call) {
  if (begin_call(name)) {
    grouped.broken = grouped.depth > 0;
    return ncclSystemError;
  }
  const auto parts = static_cast<std::size_t>(comm->group->size);
  const std::size_t bytes = call.count * width_of(call.type);
  const bool scatters = call.operation == Operation::reduce_scatter;
  const bool gathers = call.operation == Operation::all_gather;
  if (call.type != ncclInt64 && call.type != ncclFloat32 && call.type != ncclInt8)
    return reject(fmt::format("{}: a type that nothing here uses", name));
  if (!is_on_device(stream, call.from, bytes * (scatters ? parts : 1)) ||
      !is_on_device(stream, call.to, bytes * (gathers ? parts : 1)))
    return reject(fmt::format("{}: memory that is not the device's", name));
  if (grouped.depth == 0) return queue(comm, stream, call);
  grouped.calls.push_back([=] { return queue(comm, stream, call); });
  return ncclSuccess;
}

}  // namespace

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    default:
      return "another error";
  }
}

const char* ncclGetLastError(ncclComm_t) { return "as the test wants it"; }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (begin_call("ncclGetUniqueId")) return ncclSystemError;
  const std::unique_lock lock(machine_mutex());
  std::memset(id->internal, 0, sizeof id->internal);
  std::memcpy(id->internal, &next_id, sizeof next_id);
  groups[next_id++] = std::make_shared<Group>();
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  *comm = nullptr;
  if (begin_call("ncclCommInitRankConfig")) return ncclSystemError;
  if (config->blocking != 0) return reject("a communicator that blocks");
  const std::unique_lock lock(machine_mutex());
  std::uint64_t number = 0;
  std::memcpy(&number, id.internal, sizeof number);
  const auto group = groups.find(number);
  if (group == groups.end()) return reject("an id that ncclGetUniqueId did not give");
  for (const auto& [other, device] : group->second->devices)
    if (device == current_device())
      return reject(fmt::format("ranks {} and {} have the same GPU", other, rank));
  group->second->size = size;
  group->second->devices[rank] = current_device();
  *comm = new ncclComm{.group = group->second, .rank = rank};
  acquired("ncclCommInitRankConfig", *comm);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (begin_call("ncclCommGetAsyncError")) return ncclSystemError;
  const std::unique_lock lock(machine_mutex());
  const bool whole = static_cast<int>(comm->group->devices.size()) == comm->group->size;
  *state = std::exchange(comm->just_called, false) || !whole ? ncclInProgress : ncclSuccess;
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  if (begin_call("ncclCommFinalize")) return ncclSystemError;
  comm->finalized = comm->just_called = true;
  return ncclInProgress;
}

namespace {

ncclResult_t end(ncclComm_t comm) {
  if (!released("ncclCommInitRankConfig", comm)) return ncclInvalidUsage;
  delete comm;
  return ncclSuccess;
}

}  // namespace

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  const bool fails = begin_call("ncclCommDestroy");
  const bool early = !comm->finalized;
  const ncclResult_t result = end(comm);
  if (early) return reject("a communicator is destroyed before it is finalized");
  return fails ? ncclSystemError : result;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  const bool fails = begin_call("ncclCommAbort");
  {
    const std::unique_lock lock(machine_mutex());
    comm->group->aborted = true;
    for (const auto& [number, exchange] : comm->group->exchanges) exchange->collective->abandon();
  }
  const ncclResult_t result = end(comm);
  return fails ? ncclSystemError : result;
}

ncclResult_t ncclGroupStart() {
  if (begin_call("ncclGroupStart")) return ncclSystemError;
  ++grouped.depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  const bool fails = begin_call("ncclGroupEnd") || std::exchange(grouped.broken, false);
  if (--grouped.depth > 0) return fails ? ncclSystemError : ncclSuccess;
  ncclResult_t worst = fails ? ncclSystemError : ncclSuccess;
  for (const auto& call : std::exchange(grouped.calls, {}))
    if (const ncclResult_t result = fails ? ncclSuccess : call(); result != ncclSuccess) worst = result;
  return worst;
}

ncclResult_t ncclReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t,
                        int root, ncclComm_t comm, cudaStream_t stream) {
  return start("ncclReduce", comm, stream, {Operation::reduce, type, count, root, from, to});
}

ncclResult_t ncclReduceScatter(const void* from, void* to, std::size_t count, ncclDataType_t type,
                               ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return start("ncclReduceScatter", comm, stream, {Operation::reduce_scatter, type, count, 0, from, to});
}

ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return start("ncclBroadcast", comm, stream, {Operation::broadcast, type, count, root, from, to});
}

ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return start("ncclAllGather", comm, stream, {Operation::all_gather, type, count, 0, from, to});
}
