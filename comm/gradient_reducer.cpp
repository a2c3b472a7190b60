#include "comm/gradient_reducer.h"

#include <algorithm>
#include <utility>

namespace convoy {

namespace {

constexpr std::int64_t kStripe = 16 * 1024;
constexpr double kScale = 0x1p-44;
constexpr double kLargestSum = 0x1p19;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

/// In eight running sums, added at the end: a fixed order that vectors can follow.
double squared_norm_of(std::span<const float> values) {
  constexpr std::size_t kLanes = 8;
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = static_cast<double>(values[i + lane]);
      lanes[lane] += value * value;
    }
  for (; i < values.size(); ++i)
    lanes[i % kLanes] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double sum = 0;
  for (double lane : lanes) sum += lane;
  return sum;
}

}  // namespace

GradientReducer::GradientReducer(std::unique_ptr<Communicator> communicator, BucketPlan plan, Mode mode,
                                 std::int64_t slices, Accumulate accumulate)
    : communicator_(std::move(communicator)),
      plan_(std::move(plan)),
      mode_(mode),
      limit_(static_cast<float>(kLargestSum / static_cast<double>(slices))),
      accumulate_(accumulate),
      owned_(plan_.owned(communicator_->rank())),
      integers_(index(plan_.elements()) * sizeof(std::int64_t)),
      sums_(index(plan_.elements()) * sizeof(float)),
      passed_(std::make_unique<std::atomic<std::int64_t>[]>(plan_.buckets().size())),
      pending_(plan_.buckets().size()) {
  const auto& buckets = plan_.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    bucket_at_[buckets[i].begin] = i;
    for (std::int64_t begin = buckets[i].begin; begin < buckets[i].end; begin += kStripe)
      stripe_begins_.push_back(begin);
  }
  std::sort(stripe_begins_.begin(), stripe_begins_.end());
  stripes_ = std::make_unique<Stripe[]>(stripe_begins_.size());
  for (std::size_t i = 0; i < stripe_begins_.size(); ++i) {
    stripes_[i].begin = stripe_begins_[i];
    stripes_[i].end = i + 1 < stripe_begins_.size() ? stripe_begins_[i + 1] : plan_.elements();
  }
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::begin_step(std::int64_t local_slices) {
  local_slices_ = local_slices;
  started_ = 0;
  for (std::size_t i = 0; i < stripe_begins_.size(); ++i) stripes_[i].stale = true;
  for (std::size_t i = 0; i < pending_.size(); ++i) passed_[i] = 0;
  if (local_slices == 0) start_ready_buckets();
}

GradientReducer::Stripe* GradientReducer::stripe_at(std::int64_t offset) {
  const auto next = std::upper_bound(stripe_begins_.begin(), stripe_begins_.end(), offset);
  return &stripes_[index(next - stripe_begins_.begin() - 1)];
}

void GradientReducer::clear_stale(Stripe& stripe) {
  if (!std::exchange(stripe.stale, false)) return;
  const auto values =
      integers_.as<std::int64_t>().subspan(index(stripe.begin), index(stripe.end - stripe.begin));
  std::fill(values.begin(), values.end(), 0);
}

bool GradientReducer::add(std::int64_t offset, std::span<const float> gradient) {
  std::int64_t* sums = integers_.as<std::int64_t>().data();
  bool summed = true;
  for (Stripe* stripe = stripe_at(offset); !gradient.empty(); ++stripe) {
    const std::size_t count = std::min(gradient.size(), index(stripe->end - offset));
    std::lock_guard lock(stripe->mutex);
    clear_stale(*stripe);
    summed &= accumulate_(sums + offset, gradient.data(), count, limit_);
    gradient = gradient.subspan(count);
    offset += static_cast<std::int64_t>(count);
  }
  return summed;
}

void GradientReducer::passed(std::int64_t offset) {
  const auto bucket = bucket_at_.find(offset);
  const bool complete = bucket != bucket_at_.end() && ++passed_[bucket->second] == local_slices_;
  if (complete) {
    start_ready_buckets();
    return;
  }
  // The library makes no progress by itself: each finished layer lends it a moment, if no other worker does.
  std::unique_lock lock(start_mutex_, std::try_to_lock);
  if (!lock) return;
  for (std::size_t i = 0; i < started_; ++i)
    if (pending_[i]) pending_[i]->test();
}

void GradientReducer::start_ready_buckets() {
  std::lock_guard lock(start_mutex_);
  // In order on every rank, whichever bucket is complete first.
  while (started_ < pending_.size() && passed_[started_] == local_slices_) start(started_++);
}

void GradientReducer::start(std::size_t i) {
  const Bucket& bucket = plan_.buckets()[i];
  for (Stripe* stripe = stripe_at(bucket.begin);; ++stripe) {
    clear_stale(*stripe);
    if (stripe->end == bucket.end) break;
  }
  if (communicator_->size() == 1) return;
  const std::size_t begin = index(bucket.begin), count = index(bucket.end - bucket.begin);
  if (mode_ == Mode::exact) {
    pending_[i] = communicator_->start_reduce_scatter(integers_.as<std::int64_t>().subspan(begin, count),
                                                      bucket.counts);
  } else {
    convert(bucket.begin, bucket.end);
    pending_[i] = communicator_->start_reduce_scatter(sums_.as<float>().subspan(begin, count), bucket.counts);
  }
}

void GradientReducer::convert(std::int64_t begin, std::int64_t end) {
  const std::int64_t* from = integers_.as<std::int64_t>().data();
  float* to = sums_.as<float>().data();
  for (std::int64_t i = begin; i < end; ++i)
    to[i] = static_cast<float>(static_cast<double>(from[i]) * kScale);
}

void GradientReducer::finish() {
  for (PendingPtr& pending : pending_) {
    if (pending) pending->wait();
    pending.reset();
  }
  if (mode_ == Mode::native && communicator_->size() > 1) return;
  for (const auto& range : owned_) convert(range.begin, range.end);
}

double GradientReducer::squared_norm() {
  const auto& blocks = plan_.norm_blocks();
  // One double a block, in the order of the ranks that own them; each rank's blocks stay in the order of
  // owned().
  std::vector<std::size_t> order;
  std::vector<double> norms;
  std::vector<std::int64_t> counts;
  for (int rank = 0; rank < communicator_->size(); ++rank) {
    const std::size_t before = norms.size();
    for (const auto& range : plan_.owned(rank)) {
      auto block = std::lower_bound(blocks.begin(), blocks.end(), range.begin);
      for (; *block < range.end; ++block) {
        order.push_back(index(block - blocks.begin()));
        norms.push_back(rank != communicator_->rank() ? 0.0
                                                      : squared_norm_of(gradients().subspan(
                                                            index(*block), index(*(block + 1) - *block))));
      }
    }
    counts.push_back(static_cast<std::int64_t>((norms.size() - before) * sizeof(double)));
  }
  communicator_->all_gather(std::as_writable_bytes(std::span(norms)), counts);
  std::vector<double> in_order(norms.size());
  for (std::size_t i = 0; i < norms.size(); ++i) in_order[order[i]] = norms[i];
  double sum = 0;
  for (double norm : in_order) sum += norm;
  return sum;
}

void GradientReducer::gather(std::span<float> arena) {
  if (communicator_->size() == 1) return;
  const auto& buckets = plan_.buckets();
  std::vector<PendingPtr> pending;
  for (std::size_t i = buckets.size(); i-- > 0;)
    pending.push_back(communicator_->start_all_gather(
        arena.subspan(index(buckets[i].begin), index(buckets[i].end - buckets[i].begin)), buckets[i].counts));
  for (PendingPtr& operation : pending) operation->wait();
}

}  // namespace convoy
