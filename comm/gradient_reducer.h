#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "comm/bucket_plan.h"
#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "comm/host_group.h"
#include "comm/message_exchange.h"
#include "core/cpu/simd/table.h"
#include "core/gradient_sink.h"

namespace convoy {

/// Sums the slices' gradients over all ranks.
///
/// Within a rank the sum is one of 64-bit integers, llrint(g * 2^44), so that neither the order of the slices
/// nor the threads that add them can change it. A slice's elements must stay below 2^19 / S, so that the sum
/// over the S slices of the global batch stays below 2^19 and cannot overflow.
///   exact:  the integers travel; the result's bits do not depend on the ranks.
///   native: sums travel as floats: half the bytes. Ranks that share their host's memory still add integers
///   there, and what travels are the hosts' sums; without, each rank's. The bits depend on the number of
///   ranks and how they are placed on hosts (on nothing else).
///
/// A step: begin_step(); add() and passed() from worker threads; finish(); for clipping, measure() of all
/// owned blocks and squared_norm(); gradient() of all owned blocks, for the optimizer; share_weights().
class GradientReducer : public GradientSink {
 public:
  enum class Mode { exact, native };

  /// `slices`: S, of the global batch, the same on all ranks. `set_ranges`: what set() fills, ascending. The
  /// communicator is the reducer's own. `hosts`: by whose memory ranks exchange, if any; it must outlive the
  /// reducer.
  GradientReducer(std::unique_ptr<Communicator> communicator, BucketPlan plan, Mode mode, std::int64_t slices,
                  const simd::Table& loops, std::span<const BucketPlan::Range> set_ranges = {},
                  HostGroup* hosts = nullptr);
  ~GradientReducer() override;

  /// `local_slices`: how many slices of this rank will pass; zero is allowed.
  void begin_step(std::int64_t local_slices);
  bool add(std::int64_t offset, std::span<const float> gradient) override;
  void set(std::int64_t offset, std::span<const std::int64_t> sum) override;
  float limit() const override { return limit_; }
  void passed(std::int64_t offset) override;
  /// After the last local slice has passed: waits until the sums of the owned ranges are complete.
  void finish();

  const BucketPlan& plan() const { return plan_; }
  /// What this rank owns; the same for the whole life of the object.
  std::span<const BucketPlan::Range> owned() const { return owned_; }
  /// The same in norm blocks: the pieces in which gradients are read.
  std::span<const BucketPlan::Range> owned_blocks() const { return owned_blocks_; }
  /// After finish(): the global batch's gradient of an owned block. It may lie in `room`, of kNormBlock
  /// floats. Several threads may ask at once, for different blocks.
  std::span<const float> gradient(std::size_t owned_block, std::span<float> room);

  /// After finish(): prepares squared_norm(). Several threads may measure different blocks at once.
  void measure(std::size_t owned_block);
  /// The squared Euclidean norm of the whole gradient, equal on all ranks: in double, within each norm block
  /// in a fixed order, then block by block. Every owned block must have been measured. Collective.
  double squared_norm();

  /// After the optimizer has written the owned ranges: all ranks have all weights. Where ranks share their
  /// host's memory, `weights` is one of the generations that lie there. Collective.
  void share_weights(std::span<float> weights) { exchange_->share_weights(weights); }
  /// All-gathers the owned ranges of an arena that is this rank's own, in place. Collective.
  void gather(std::span<float> arena);

 private:
  /// A range of the integer arena with a lock of its own, so that workers can add at several places at once.
  struct Stripe {
    std::int64_t begin = 0, end = 0;
    bool set = false;    ///< filled by set()
    bool stale = false;  ///< still holds the last step's sums
    std::mutex mutex;
  };
  void make_stripes(std::span<const BucketPlan::Range> set_ranges);
  std::size_t bucket_at(std::int64_t offset) const;
  Stripe* stripe_at(std::int64_t offset);
  void clear_stale(Stripe& stripe);
  void order_norms();
  void start_ready_buckets();
  void start(std::size_t bucket);
  void convert(const Stripe& stripe);

  std::unique_ptr<Communicator> communicator_;
  const BucketPlan plan_;
  const std::unique_ptr<GradientExchange> exchange_;
  const float limit_;
  const simd::Table& loops_;
  const std::vector<BucketPlan::Range> owned_;
  std::vector<BucketPlan::Range> owned_blocks_;
  std::vector<std::size_t> norm_order_;  ///< the norm blocks in the order of the ranks that own them
  std::vector<std::int64_t> norm_counts_, norm_bytes_;  ///< how many of them each rank owns
  std::vector<double> norms_, norms_in_order_;          ///< of squared_norm(), so that no step allocates
  std::span<double> own_norms_;                         ///< one an owned block
  bool measured_ = false;                               ///< this step's gradients lie in the exchange's room

  std::unique_ptr<Stripe[]> stripes_;
  std::vector<std::int64_t> stripe_begins_;
  std::unique_ptr<std::atomic<std::int64_t>[]> passed_;  ///< by bucket: times a slice and a block
  std::int64_t local_slices_ = 0;

  std::mutex start_mutex_;  ///< guards the exchange during the backward pass, and what follows
  std::size_t started_ = 0;
};

}  // namespace convoy
