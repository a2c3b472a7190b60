#pragma once

#include <vector>

#include "comm/bucket_plan.h"
#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "core/arena.h"
#include "core/cpu/simd/table.h"

namespace convoy {

/// The exchange by the communicator's reduce-scatters and all-gathers. Sums that travel as floats are added
/// in rank order.
class MessageExchange : public GradientExchange {
 public:
  /// The communicator, the plan and the loops must outlive the exchange.
  MessageExchange(Communicator& communicator, const BucketPlan& plan, bool as_floats,
                  const simd::Table& loops);

  std::span<std::int64_t> sums() override { return sums_.as<std::int64_t>(); }
  std::span<float> gradients() override { return gradients_.as<float>(); }
  bool takes_floats() const override { return as_floats_ || communicator_.size() == 1; }

  void begin_step() override {}
  void start(std::size_t bucket) override;
  void progress() override;
  void finish() override;
  std::span<const float> gradient(std::int64_t begin, std::span<float> room) override;
  void share_weights(std::span<float> weights) override;

 private:
  Communicator& communicator_;
  const BucketPlan& plan_;
  const bool as_floats_;
  const simd::Table& loops_;
  Arena sums_, gradients_;
  std::vector<PendingPtr> pending_;  ///< by bucket
};

/// All-gathers what each rank owns of an arena, in place. `pending`: room for one operation a bucket.
/// Collective.
void gather_owned(Communicator& communicator, const BucketPlan& plan, std::span<float> arena,
                  std::span<PendingPtr> pending);

}  // namespace convoy
