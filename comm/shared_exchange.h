#pragma once

#include <vector>

#include "comm/bucket_plan.h"
#include "comm/communicator.h"
#include "comm/gradient_exchange.h"
#include "comm/host_group.h"
#include "core/arena.h"
#include "core/cpu/simd/table.h"

namespace convoy {

/// The exchange of ranks that share their hosts' memory. On each host one rank adds up the host's sums of
/// what a rank owns, reading them where they lie: the owner itself on its own host, and on another one the
/// relay, which sends them to the owner. New weights take the same way back: the owner writes them where its
/// whole host sees them and sends them to each other host's relay, which does likewise. Within a host nothing
/// is sent, and sums become gradients when they are asked for.
///
/// Where floats travel, a host's sum is still one of integers; the hosts' sums are added as floats in the
/// order of the hosts. On one host there is no difference.
class SharedExchange : public GradientExchange {
 public:
  /// All must outlive the exchange.
  SharedExchange(HostGroup& hosts, Communicator& communicator, const BucketPlan& plan, bool as_floats,
                 const simd::Table& loops);

  std::span<std::int64_t> sums() override { return host_.sums(host_.local_rank()); }
  std::span<float> gradients() override { return gradients_.as<float>(); }
  bool takes_floats() const override { return false; }

  void begin_step() override;
  void start(std::size_t bucket) override;
  void progress() override;
  void finish() override;
  std::span<const float> gradient(std::int64_t begin, std::span<float> room) override;
  /// `weights`: one of the group's generations.
  void share_weights(std::span<float> weights) override;

 private:
  /// What this rank adds up of a bucket.
  struct Part {
    std::int64_t begin, end;
    int owner;
  };
  /// What another host's sum of an owned range is received into, and when.
  struct Arrival {
    int host;
    std::span<std::byte> data;
    PendingPtr pending;
  };
  /// A bucket: what this rank does for it, and how it stands.
  struct Work {
    std::vector<Part> parts;
    BucketPlan::Range owned;
    std::vector<Arrival> arrivals;  ///< of the owned range, in the order of the hosts
  };

  int relay_of(int owner, std::size_t host) const;
  Work make_work(const Bucket& bucket) const;
  void place_arrivals();
  std::size_t width() const { return as_floats_ ? sizeof(float) : sizeof(std::int64_t); }
  bool is_alone() const { return host_.hosts().size() == 1; }

  void sum(const Work& work);
  void sum_to_floats(std::int64_t begin, std::span<float> to) const;
  void sum_in_place(const Part& part);
  bool has_arrived(Work& work) const;
  void complete(Work& work);
  void add_integers(const Work& work, std::size_t from, std::size_t begin, std::size_t n);
  void add_floats(const Work& work, std::size_t from, std::span<float> own);
  void wait_for(HostGroup::Mark mark, std::uint64_t count);

  HostGroup& host_;
  Communicator& communicator_;
  const bool as_floats_;
  const simd::Table& loops_;
  Arena gradients_;
  Arena received_;
  std::vector<Work> buckets_;
  std::vector<PendingPtr> transfers_;  ///< under way, but for arrivals

  std::uint64_t steps_ = 0, shares_ = 0;  ///< begun
  /// Of this step's buckets: whose sums this rank has published, has added up, and has complete.
  std::size_t started_ = 0, summed_ = 0, completed_ = 0;
};

}  // namespace convoy
