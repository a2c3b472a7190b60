#include "comm/message_exchange.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

template <class T>
std::span<T> part_of(std::span<T> arena, const Bucket& bucket) {
  return arena.subspan(index(bucket.begin), index(bucket.end - bucket.begin));
}

}  // namespace

MessageExchange::MessageExchange(Communicator& communicator, const BucketPlan& plan, bool as_floats,
                                 const simd::Table& loops)
    : communicator_(communicator),
      plan_(plan),
      as_floats_(as_floats),
      loops_(loops),
      sums_(index(plan.elements()) * sizeof(std::int64_t)),
      gradients_(index(plan.elements()) * sizeof(float)),
      pending_(plan.buckets().size()) {}

void MessageExchange::start(std::size_t i) {
  if (communicator_.size() == 1) return;
  const Bucket& bucket = plan_.buckets()[i];
  pending_[i] = as_floats_ ? communicator_.start_reduce_scatter(part_of(gradients(), bucket), bucket.counts)
                           : communicator_.start_reduce_scatter(part_of(sums(), bucket), bucket.counts);
}

void MessageExchange::progress() {
  for (const PendingPtr& pending : pending_)
    if (pending) pending->test();
}

void MessageExchange::finish() {
  for (PendingPtr& pending : pending_) {
    if (pending) pending->wait();
    pending.reset();
  }
}

std::span<const float> MessageExchange::gradient(std::int64_t begin, std::span<float> room) {
  if (takes_floats()) return gradients().subspan(index(begin), room.size());
  loops_.exact_to_float(room.data(), sums().data() + begin, room.size());
  return room;
}

void MessageExchange::share_weights(std::span<float> weights) {
  gather_owned(communicator_, plan_, weights, pending_);
}

void gather_owned(Communicator& communicator, const BucketPlan& plan, std::span<float> arena,
                  std::span<PendingPtr> pending) {
  if (communicator.size() == 1) return;
  for (std::size_t i = 0; i < pending.size(); ++i)
    pending[i] = communicator.start_all_gather(part_of(arena, plan.buckets()[i]), plan.buckets()[i].counts);
  for (PendingPtr& one : pending) {
    one->wait();
    one.reset();
  }
}

}  // namespace convoy
