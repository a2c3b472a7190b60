#include "comm/shared_exchange.h"

#include <algorithm>

#include "comm/backoff.h"
#include "comm/parts.h"
#include "core/error.h"

namespace convoy {

namespace {

/// What is added up at a time: it stays in the nearest cache.
constexpr std::int64_t kBlock = 2048;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

void add_to(std::int64_t* __restrict sums, const std::int64_t* __restrict values, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) sums[i] = sum_of(sums[i], values[i]);
}

}  // namespace

SharedExchange::SharedExchange(HostGroup& hosts, Communicator& communicator, const BucketPlan& plan,
                               bool as_floats, const simd::Table& loops)
    : host_(hosts),
      communicator_(communicator),
      as_floats_(as_floats),
      loops_(loops),
      gradients_(index(plan.elements()) * sizeof(float)) {
  for (const Bucket& bucket : plan.buckets()) buckets_.push_back(make_work(bucket));
  place_arrivals();
}

/// The rank of another host that stands in there for an owner.
int SharedExchange::relay_of(int owner, std::size_t host) const {
  const std::vector<int>& ranks = host_.hosts()[host];
  return ranks[index(owner) % ranks.size()];
}

SharedExchange::Work SharedExchange::make_work(const Bucket& bucket) const {
  const int rank = communicator_.rank();
  const std::vector<int>& local = host_.hosts()[index(host_.host())];
  Work work;
  for (int owner = 0; owner < communicator_.size(); ++owner) {
    const std::int64_t begin = bucket.owned_begin(owner), count = bucket.counts[index(owner)];
    const bool is_local = std::ranges::count(local, owner) > 0;
    const int summing = is_local ? owner : relay_of(owner, index(host_.host()));
    if (count > 0 && summing == rank) work.parts.push_back({begin, begin + count, owner});
    if (owner == rank) work.owned = {begin, begin + count};
  }
  return work;
}

void SharedExchange::place_arrivals() {
  std::size_t bytes = 0;
  for (const Work& work : buckets_)
    bytes += index(work.owned.end - work.owned.begin) * width() * (host_.hosts().size() - 1);
  received_ = Arena(bytes);
  std::span<std::byte> free(received_.data(), bytes);
  for (Work& work : buckets_) {
    const std::size_t each = index(work.owned.end - work.owned.begin) * width();
    for (int host = 0; each > 0 && host < static_cast<int>(host_.hosts().size()); ++host) {
      if (host == host_.host()) continue;
      work.arrivals.push_back({host, free.first(each), nullptr});
      free = free.subspan(each);
    }
  }
}

void SharedExchange::begin_step() {
  host_.set_mark(HostGroup::Mark::read, steps_);  // also where a refused step's weights were not shared
  wait_for(HostGroup::Mark::read, steps_);
  ++steps_;
  started_ = summed_ = completed_ = 0;
}

void SharedExchange::start(std::size_t bucket) {
  for (Arrival& arrival : buckets_[bucket].arrivals)
    arrival.pending = communicator_.start_receive(
        arrival.data, relay_of(communicator_.rank(), static_cast<std::size_t>(arrival.host)));
  started_ = bucket + 1;
  host_.set_mark(HostGroup::Mark::summed, (steps_ - 1) * buckets_.size() + started_);
}

void SharedExchange::progress() {
  const std::uint64_t before = (steps_ - 1) * buckets_.size();
  while (summed_ < started_ && host_.all_at(HostGroup::Mark::summed, before + summed_ + 1))
    sum(buckets_[summed_++]);
  while (completed_ < summed_ && has_arrived(buckets_[completed_])) complete(buckets_[completed_++]);
  for (const PendingPtr& transfer : transfers_) transfer->test();
}

void SharedExchange::finish() {
  Backoff backoff;
  for (std::size_t before = 0; completed_ < buckets_.size(); before = summed_ + completed_) {
    progress();
    if (summed_ + completed_ > before) backoff = Backoff();
    communicator_.require_alive();
    if (completed_ < buckets_.size()) backoff.pause();
  }
  for (const PendingPtr& transfer : transfers_) transfer->wait();
  transfers_.clear();
}

std::span<const float> SharedExchange::gradient(std::int64_t begin, std::span<float> room) {
  if (!is_alone()) return gradients().subspan(index(begin), room.size());
  sum_to_floats(begin, room);
  return room;
}

void SharedExchange::sum(const Work& work) {
  if (is_alone()) return;
  for (const Part& part : work.parts) {
    const std::size_t count = index(part.end - part.begin);
    if (as_floats_)
      sum_to_floats(part.begin, gradients().subspan(index(part.begin), count));
    else
      sum_in_place(part);
    if (part.owner == communicator_.rank()) continue;
    const auto bytes = as_floats_ ? std::as_bytes(gradients().subspan(index(part.begin), count))
                                  : std::as_bytes(sums().subspan(index(part.begin), count));
    transfers_.push_back(communicator_.start_send(bytes, part.owner));
  }
}

void SharedExchange::sum_to_floats(std::int64_t begin, std::span<float> to) const {
  std::int64_t block[kBlock];
  while (!to.empty()) {
    const std::size_t n = std::min(index(kBlock), to.size());
    std::copy_n(host_.sums(0).data() + begin, n, block);
    for (int rank = 1; rank < host_.local_size(); ++rank) add_to(block, host_.sums(rank).data() + begin, n);
    loops_.exact_to_float(to.data(), block, n);
    begin += static_cast<std::int64_t>(n);
    to = to.subspan(n);
  }
}

/// No other rank of the host reads this rank's own sums of a part that this rank adds up.
void SharedExchange::sum_in_place(const Part& part) {
  for (std::int64_t begin = part.begin; begin < part.end; begin += kBlock)
    for (int rank = 0; rank < host_.local_size(); ++rank)
      if (rank != host_.local_rank())
        add_to(sums().data() + begin, host_.sums(rank).data() + begin,
               index(std::min(kBlock, part.end - begin)));
}

bool SharedExchange::has_arrived(Work& work) const {
  return std::ranges::all_of(work.arrivals, [](Arrival& arrival) { return arrival.pending->test(); });
}

void SharedExchange::complete(Work& work) {
  if (is_alone()) return;
  for (Arrival& arrival : work.arrivals) arrival.pending.reset();
  for (std::int64_t begin = work.owned.begin; begin < work.owned.end; begin += kBlock) {
    const std::size_t n = index(std::min(kBlock, work.owned.end - begin));
    const std::size_t from = index(begin - work.owned.begin);
    if (as_floats_)
      add_floats(work, from, gradients().subspan(index(begin), n));
    else
      add_integers(work, from, index(begin), n);
  }
}

void SharedExchange::add_integers(const Work& work, std::size_t from, std::size_t begin, std::size_t n) {
  std::int64_t* own = sums().data() + begin;
  for (const Arrival& arrival : work.arrivals)
    add_to(own, reinterpret_cast<const std::int64_t*>(arrival.data.data()) + from, n);
  loops_.exact_to_float(gradients().data() + begin, own, n);
}

void SharedExchange::add_floats(const Work& work, std::size_t from, std::span<float> own) {
  float block[kBlock];
  auto arrival = work.arrivals.begin();
  for (int host = 0; host < static_cast<int>(host_.hosts().size()); ++host) {
    const float* values = own.data();
    if (host != host_.host()) values = reinterpret_cast<const float*>((arrival++)->data.data()) + from;
    for (std::size_t i = 0; i < own.size(); ++i) block[i] = host == 0 ? values[i] : block[i] + values[i];
  }
  std::copy_n(block, own.size(), own.begin());
}

void SharedExchange::share_weights(std::span<float> weights) {
  host_.set_mark(HostGroup::Mark::read, steps_);
  const auto part_of = [&](std::int64_t begin, std::int64_t end) {
    return weights.subspan(index(begin), index(end - begin));
  };
  for (const Work& work : buckets_) {
    for (const Part& part : work.parts)
      if (part.owner != communicator_.rank())
        transfers_.push_back(
            communicator_.start_receive(std::as_writable_bytes(part_of(part.begin, part.end)), part.owner));
    for (const Arrival& arrival : work.arrivals)
      transfers_.push_back(
          communicator_.start_send(std::as_bytes(part_of(work.owned.begin, work.owned.end)),
                                   relay_of(communicator_.rank(), static_cast<std::size_t>(arrival.host))));
  }
  for (const PendingPtr& transfer : transfers_) transfer->wait();
  transfers_.clear();
  host_.set_mark(HostGroup::Mark::written, ++shares_);
  wait_for(HostGroup::Mark::written, shares_);
}

void SharedExchange::wait_for(HostGroup::Mark mark, std::uint64_t count) {
  for (Backoff backoff; !host_.all_at(mark, count); backoff.pause()) communicator_.require_alive();
}

}  // namespace convoy
