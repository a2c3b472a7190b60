#include "launcher/rank_meeting.h"

#include <algorithm>

#include "core/data/batch_plan.h"

namespace convoy {

RankMeeting::RankMeeting(Communicator& communicator, std::int64_t slices)
    : communicator_(communicator), slices_(slices), counts_(static_cast<std::size_t>(communicator.size())) {}

void RankMeeting::gather(std::span<double> records, std::int64_t width) {
  const int ranks = communicator_.size();
  requested_ = mine_;
  if (ranks == 1) return;
  // Rank after rank: its records, then its word.
  message_.resize(records.size() + static_cast<std::size_t>(ranks));
  const auto range_of = [&](int rank) {
    const IndexRange slices = part_of(slices_, ranks, rank);
    return IndexRange{slices.begin * width, slices.end * width};
  };
  for (int rank = 0; rank < ranks; ++rank)
    counts_[static_cast<std::size_t>(rank)] =
        (range_of(rank).size() + 1) * static_cast<std::int64_t>(sizeof(double));
  const IndexRange own = range_of(communicator_.rank());
  const auto place = message_.begin() + own.begin + communicator_.rank();
  std::copy(records.begin() + own.begin, records.begin() + own.end, place);
  place[own.size()] = static_cast<double>(mine_);
  communicator_.all_gather(std::as_writable_bytes(std::span(message_)), counts_);
  requested_ = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const IndexRange range = range_of(rank);
    const auto from = message_.begin() + range.begin + rank;
    std::copy(from, from + range.size(), records.begin() + range.begin);
    requested_ |= static_cast<std::uint32_t>(from[range.size()]);
  }
}

}  // namespace convoy
