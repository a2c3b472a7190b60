#include "comm/gradient_reducer.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "comm/parts.h"
#include "comm/shared_exchange.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr std::int64_t kStripe = 16 * 1024;
constexpr double kLargestSum = 0x1p19;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::unique_ptr<GradientExchange> make_exchange(HostGroup* hosts, Communicator& communicator,
                                                const BucketPlan& plan, bool as_floats,
                                                const simd::Table& loops) {
  if (hosts) return std::make_unique<SharedExchange>(*hosts, communicator, plan, as_floats, loops);
  return std::make_unique<MessageExchange>(communicator, plan, as_floats, loops);
}

}  // namespace

GradientReducer::GradientReducer(std::unique_ptr<Communicator> communicator, BucketPlan plan, Mode mode,
                                 std::int64_t slices, const simd::Table& loops,
                                 std::span<const BucketPlan::Range> set_ranges, HostGroup* hosts)
    : communicator_(std::move(communicator)),
      plan_(std::move(plan)),
      exchange_(make_exchange(hosts, *communicator_, plan_, mode == Mode::native, loops)),
      limit_(static_cast<float>(kLargestSum / static_cast<double>(slices))),
      loops_(loops),
      owned_(plan_.owned(communicator_->rank())),
      passed_(std::make_unique<std::atomic<std::int64_t>[]>(plan_.buckets().size())) {
  make_stripes(set_ranges);
  order_norms();
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::make_stripes(std::span<const BucketPlan::Range> set_ranges) {
  const auto cut = [this](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += kStripe) stripe_begins_.push_back(begin);
  };
  for (const Bucket& bucket : plan_.buckets()) {
    std::int64_t from = bucket.begin;
    for (const BucketPlan::Range& range : set_ranges) {
      if (range.begin < from || range.begin >= bucket.end) continue;
      cut(from, range.begin);
      cut(range.begin, range.end);
      from = range.end;
    }
    cut(from, bucket.end);
  }
  std::sort(stripe_begins_.begin(), stripe_begins_.end());
  stripes_ = std::make_unique<Stripe[]>(stripe_begins_.size());
  for (std::size_t i = 0; i < stripe_begins_.size(); ++i) {
    Stripe& stripe = stripes_[i];
    stripe.begin = stripe_begins_[i];
    stripe.end = i + 1 < stripe_begins_.size() ? stripe_begins_[i + 1] : plan_.elements();
    stripe.set = std::ranges::any_of(set_ranges, [&](const BucketPlan::Range& range) {
      return range.begin <= stripe.begin && stripe.begin < range.end;
    });
  }
}

void GradientReducer::begin_step(std::int64_t local_slices) {
  exchange_->begin_step();
  local_slices_ = local_slices;
  started_ = 0;
  measured_ = false;
  // What is set needs no clearing, unless no slice will set it.
  for (std::size_t i = 0; i < stripe_begins_.size(); ++i)
    stripes_[i].stale = !stripes_[i].set || local_slices == 0;
  for (std::size_t i = 0; i < plan_.buckets().size(); ++i) passed_[i] = 0;
  if (local_slices == 0) start_ready_buckets();
}

std::size_t GradientReducer::bucket_at(std::int64_t offset) const {
  const auto& buckets = plan_.buckets();  // their begins descend
  return index(std::ranges::lower_bound(buckets, offset, std::greater(), &Bucket::begin) - buckets.begin());
}

GradientReducer::Stripe* GradientReducer::stripe_at(std::int64_t offset) {
  const auto next = std::upper_bound(stripe_begins_.begin(), stripe_begins_.end(), offset);
  return &stripes_[index(next - stripe_begins_.begin() - 1)];
}

void GradientReducer::clear_stale(Stripe& stripe) {
  if (!std::exchange(stripe.stale, false)) return;
  const auto values = exchange_->sums().subspan(index(stripe.begin), index(stripe.end - stripe.begin));
  std::fill(values.begin(), values.end(), 0);
}

bool GradientReducer::add(std::int64_t offset, std::span<const float> gradient) {
  std::int64_t* sums = exchange_->sums().data();
  bool summed = true;
  for (Stripe* stripe = stripe_at(offset); !gradient.empty(); ++stripe) {
    const std::size_t count = std::min(gradient.size(), index(stripe->end - offset));
    std::lock_guard lock(stripe->mutex);
    clear_stale(*stripe);
    summed &= loops_.accumulate_exact(sums + offset, gradient.data(), count, limit_);
    gradient = gradient.subspan(count);
    offset += static_cast<std::int64_t>(count);
  }
  return summed;
}

void GradientReducer::set(std::int64_t offset, std::span<const std::int64_t> sum) {
  if (exchange_->takes_floats())
    loops_.exact_to_float(exchange_->gradients().data() + offset, sum.data(), sum.size());
  else
    std::ranges::copy(sum, exchange_->sums().begin() + offset);
}

void GradientReducer::passed(std::int64_t offset) {
  const std::size_t bucket = bucket_at(offset);
  if (++passed_[bucket] == local_slices_ * plan_.buckets()[bucket].blocks) start_ready_buckets();
  // Nothing moves by itself: each finished layer lends it a moment, if no other worker does.
  std::unique_lock lock(start_mutex_, std::try_to_lock);
  if (lock) exchange_->progress();
}

void GradientReducer::start_ready_buckets() {
  std::lock_guard lock(start_mutex_);
  // In order on every rank, whichever bucket is complete first.
  const auto& buckets = plan_.buckets();
  while (started_ < buckets.size() && passed_[started_] == local_slices_ * buckets[started_].blocks)
    start(started_++);
}

void GradientReducer::start(std::size_t i) {
  const Bucket& bucket = plan_.buckets()[i];
  for (Stripe* stripe = stripe_at(bucket.begin);; ++stripe) {
    clear_stale(*stripe);
    if (exchange_->takes_floats()) convert(*stripe);
    if (stripe->end == bucket.end) break;
  }
  exchange_->start(i);
}

void GradientReducer::convert(const Stripe& stripe) {
  if (stripe.set && local_slices_ > 0) return;  // by set()
  loops_.exact_to_float(exchange_->gradients().data() + stripe.begin, exchange_->sums().data() + stripe.begin,
                        index(stripe.end - stripe.begin));
}

void GradientReducer::finish() {
  require(started_ == plan_.buckets().size(),
          "a step's gradients are wanted before all of its slices have passed");
  exchange_->finish();
}

void GradientReducer::order_norms() {
  const auto& blocks = plan_.norm_blocks();
  for (int rank = 0; rank < communicator_->size(); ++rank) {
    const std::size_t before = norm_order_.size();
    for (const auto& range : plan_.owned(rank))
      for (auto block = std::ranges::lower_bound(blocks, range.begin); *block < range.end; ++block)
        norm_order_.push_back(index(block - blocks.begin()));
    norm_counts_.push_back(static_cast<std::int64_t>(norm_order_.size() - before));
    norm_bytes_.push_back(norm_counts_.back() * static_cast<std::int64_t>(sizeof(double)));
  }
  norms_.resize(norm_order_.size());
  norms_in_order_.resize(norm_order_.size());
  own_norms_ = part_of_rank(std::span(norms_), norm_counts_, communicator_->rank());
  const std::size_t first = index(own_norms_.data() - norms_.data());
  for (std::size_t i = 0; i < own_norms_.size(); ++i) {
    const std::size_t block = norm_order_[first + i];
    owned_blocks_.push_back({blocks[block], blocks[block + 1]});
  }
}

std::span<const float> GradientReducer::gradient(std::size_t owned_block, std::span<float> room) {
  const auto& [begin, end] = owned_blocks_[owned_block];
  const std::size_t count = index(end - begin);
  if (measured_) return exchange_->gradients().subspan(index(begin), count);
  return exchange_->gradient(begin, room.first(count));
}

void GradientReducer::measure(std::size_t owned_block) {
  const auto& [begin, end] = owned_blocks_[owned_block];
  const auto gradient =
      exchange_->gradient(begin, exchange_->gradients().subspan(index(begin), index(end - begin)));
  own_norms_[owned_block] = loops_.squared_norm(gradient.data(), gradient.size());
}

double GradientReducer::squared_norm() {
  measured_ = true;
  communicator_->all_gather(std::as_writable_bytes(std::span(norms_)), norm_bytes_);
  for (std::size_t i = 0; i < norms_.size(); ++i) norms_in_order_[norm_order_[i]] = norms_[i];
  return std::accumulate(norms_in_order_.begin(), norms_in_order_.end(), 0.0);
}

void GradientReducer::gather(std::span<float> arena) {
  std::vector<PendingPtr> pending(plan_.buckets().size());
  gather_owned(*communicator_, plan_, arena, pending);
}

}  // namespace convoy
