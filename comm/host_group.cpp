#include "comm/host_group.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "core/arena.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr const char* kKind = "exchange";
constexpr std::size_t kPage = 4096;

std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::vector<std::vector<int>> ranks_by_host(std::span<const int> hosts) {
  std::vector<std::vector<int>> ranks;
  std::map<int, std::size_t> known;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    const auto [place, is_new] = known.try_emplace(hosts[rank], ranks.size());
    if (is_new) ranks.emplace_back();
    ranks[place->second].push_back(static_cast<int>(rank));
  }
  return ranks;
}

/// What a rank tells all others: the segment's name, or why there is none.
struct Report {
  char name[128] = "";
  char error[256] = "";

  void set_error(const std::exception& exception) { std::strncpy(error, exception.what(), sizeof error - 1); }
};

std::vector<Report> gather(const Report& own, Communicator& communicator) {
  std::vector<Report> reports(index(communicator.size()));
  reports[index(communicator.rank())] = own;
  const std::vector<std::int64_t> counts(reports.size(), sizeof(Report));
  communicator.all_gather(std::as_writable_bytes(std::span(reports)), counts);
  return reports;
}

/// Whether all ranks have what they need; tells of the first that has not.
bool all_well(std::span<const Report> reports, const std::function<void(const std::string&)>& warn) {
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    if (reports[rank].error[0] == '\0') continue;
    warn(fmt::format(
        "rank {}: {}; ranks of one host exchange gradients and weights by messages, which is slower; "
        "give /dev/shm more room (`docker run --shm-size`)",
        rank, reports[rank].error));
    return false;
  }
  return true;
}

}  // namespace

/// Where things lie in the segment, in bytes: a cache line of marks for each rank, the weights, and on pages
/// of their own the sums of each rank.
struct HostGroup::Layout {
  static constexpr std::size_t kMarks = 64;

  Layout(std::int64_t elements, int local_ranks)
      : generation(align_up(index(elements) * sizeof(float))),
        weights(kMarks * index(local_ranks)),
        sums(whole_pages(weights + kGenerations * generation)),
        sums_of_rank(whole_pages(std::max<std::size_t>(index(elements), 1) * sizeof(std::int64_t))),
        total(sums + sums_of_rank * index(local_ranks)) {}

  std::size_t begin_of_sums(int local_rank) const { return sums + sums_of_rank * index(local_rank); }

  std::size_t generation, weights, sums, sums_of_rank, total;
};

std::size_t HostGroup::bytes(std::int64_t elements, int local_ranks) {
  return Layout(elements, local_ranks).total;
}

std::unique_ptr<HostGroup> HostGroup::join(Communicator& communicator, std::int64_t elements,
                                           const std::function<void(const std::string&)>& warn) {
  auto hosts = ranks_by_host(communicator.hosts());
  if (hosts.size() == index(communicator.size())) return nullptr;
  int host = 0;
  while (!std::ranges::count(hosts[index(host)], communicator.rank())) ++host;
  const std::vector<int>& local = hosts[index(host)];
  const int local_rank = static_cast<int>(std::ranges::find(local, communicator.rank()) - local.begin());
  const Layout layout(elements, static_cast<int>(local.size()));

  std::optional<SharedMemory> memory;
  Report report;
  const auto attempt = [&](const auto& work) {
    try {
      work();
    } catch (const DeviceError& error) {
      report.set_error(error);
    }
  };
  if (local_rank == 0)
    attempt([&] {
      SharedMemory::remove_stale(kKind);
      memory.emplace(SharedMemory::create(kKind, layout.total));
      memory->reserve(0, layout.sums);
      std::strncpy(report.name, memory->name().c_str(), sizeof report.name - 1);
    });
  const std::vector<Report> reports = gather(report, communicator);
  if (!all_well(reports, warn)) return nullptr;
  attempt([&] {
    if (!memory) memory.emplace(SharedMemory::open(reports[index(local.front())].name, layout.total));
    memory->reserve(layout.begin_of_sums(local_rank), layout.sums_of_rank);
  });
  if (!all_well(gather(report, communicator), warn)) return nullptr;
  // All who need it have it: without a name it is gone with the last of them, even if all are killed.
  memory->unlink();
  return std::unique_ptr<HostGroup>(
      new HostGroup(std::move(hosts), host, local_rank, elements, std::move(*memory)));
}

HostGroup::HostGroup(std::vector<std::vector<int>> hosts, int host, int local_rank, std::int64_t elements,
                     SharedMemory memory)
    : hosts_(std::move(hosts)),
      host_(host),
      local_rank_(local_rank),
      elements_(elements),
      memory_(std::move(memory)) {}

std::span<float> HostGroup::weights(int generation) const {
  const Layout layout(elements_, local_size());
  std::byte* begin = memory_.bytes().data() + layout.weights + layout.generation * index(generation);
  return {reinterpret_cast<float*>(begin), index(elements_)};
}

std::span<std::int64_t> HostGroup::sums(int local_rank) const {
  std::byte* begin = memory_.bytes().data() + Layout(elements_, local_size()).begin_of_sums(local_rank);
  return {reinterpret_cast<std::int64_t*>(begin), index(elements_)};
}

std::uint64_t& HostGroup::mark_of(int local_rank, Mark mark) const {
  static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "marks are shared by processes");
  std::byte* line = memory_.bytes().data() + Layout::kMarks * index(local_rank);
  return reinterpret_cast<std::uint64_t*>(line)[static_cast<std::size_t>(mark)];
}

void HostGroup::set_mark(Mark mark, std::uint64_t count) {
  std::atomic_ref(mark_of(local_rank_, mark)).store(count, std::memory_order_release);
}

bool HostGroup::all_at(Mark mark, std::uint64_t count) const {
  for (int rank = 0; rank < local_size(); ++rank)
    if (std::atomic_ref(mark_of(rank, mark)).load(std::memory_order_acquire) < count) return false;
  return true;
}

void HostGroup::broadcast(std::span<float> weights, Communicator& communicator) const {
  constexpr std::size_t kPiece = 1 << 20;
  // Ranks that do not lead pass on what they need not keep.
  std::vector<float> passing(leads() ? 0 : std::min(kPiece, weights.size()));
  for (; !weights.empty(); weights = weights.subspan(std::min(kPiece, weights.size()))) {
    const std::span<float> piece = weights.first(std::min(kPiece, weights.size()));
    communicator.broadcast(std::as_writable_bytes(leads() ? piece : std::span(passing).first(piece.size())),
                           0);
  }
  communicator.barrier();
}

}  // namespace convoy
