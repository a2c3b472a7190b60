#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/communicator.h"
#include "layers/executor.h"

namespace convoy {

/// Gathers the slices' records over the ranks. Each gathering also carries one word of every rank, so that
/// requests (stop, save) reach all ranks at the same step.
class RankMeeting : public Meeting {
 public:
  /// `slices`: of the global batch; rank r of W has those of part_of(slices, W, r). The communicator must
  /// outlive this.
  RankMeeting(Communicator& communicator, std::int64_t slices);

  void gather(std::span<double> records, std::int64_t width) override;

  /// What this rank says in the next gathering: bits, to be combined by `or`.
  void request(std::uint32_t bits) { mine_ = bits; }
  /// What all ranks said in the last one.
  std::uint32_t requested() const { return requested_; }

 private:
  Communicator& communicator_;
  std::int64_t slices_;
  std::vector<double> message_;
  std::vector<std::int64_t> counts_;
  std::uint32_t mine_ = 0;
  std::uint32_t requested_ = 0;
};

}  // namespace convoy
