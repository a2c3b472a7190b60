#include "comm/nccl/device_reducer.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/cuda/kernels/exact_sum.h"
#include "core/cuda/kernels/norms.h"
#include "core/error.h"

namespace convoy {

namespace {

constexpr double kLargestSum = 0x1p19;

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

template <class T>
cuda::DeviceMemory uploaded(const std::vector<T>& values) {
  cuda::DeviceMemory memory(values.size() * sizeof(T));
  if (!values.empty()) cuda::upload(memory.data(), std::as_bytes(std::span(values)));
  return memory;
}

}  // namespace

DeviceReducer::DeviceReducer(cuda::Collectives& collectives, BucketPlan plan, bool exact, std::int64_t slices)
    : collectives_(collectives),
      plan_(std::move(plan)),
      exact_(exact),
      limit_(static_cast<float>(kLargestSum / static_cast<double>(slices))),
      owned_(plan_.owned(collectives.rank())),
      sums_(index(plan_.elements()) * sizeof(std::int64_t)),
      gradients_(index(plan_.elements()) * sizeof(float)),
      buckets_(plan_.buckets().size()) {
  order_norms();
}

std::size_t DeviceReducer::memory_bytes() const {
  return sums_.size() + gradients_.size() + norm_blocks_.size() + norms_.size() + norm_order_.size();
}

void DeviceReducer::begin_step(const cuda::Stream& main, std::int64_t local_slices) {
  local_slices_ = local_slices;
  started_ = 0;
  for (Progress& bucket : buckets_) bucket.passed = 0;
  cuda::clear(main, sums_.data(), sums_.size());
  arrived_.record(main);
  travel_.wait(arrived_);
  start_ready();
}

void DeviceReducer::add(const cuda::Stream& stream, std::int64_t offset, const float* gradient,
                        std::int64_t n, std::size_t block, cuda::StepState* state) {
  cuda::add_exact(stream, sums_.as<std::int64_t>() + offset, gradient, n, limit_,
                  static_cast<std::int32_t>(block), &state->bad_block);
}

std::size_t DeviceReducer::bucket_at(std::int64_t offset) const {
  const auto& buckets = plan_.buckets();  // their begins descend
  return index(std::ranges::lower_bound(buckets, offset, std::greater(), &Bucket::begin) - buckets.begin());
}

void DeviceReducer::passed(const cuda::Stream& stream, std::int64_t offset) {
  Progress& bucket = buckets_[bucket_at(offset)];
  if (index(bucket.passed) == bucket.events.size()) bucket.events.emplace_back();
  bucket.events[index(bucket.passed++)].record(stream);
  start_ready();
}

/// In order on every rank, whichever bucket is complete first.
void DeviceReducer::start_ready() {
  while (started_ < buckets_.size() &&
         buckets_[started_].passed == local_slices_ * plan_.buckets()[started_].blocks)
    start(started_++);
}

void DeviceReducer::start(std::size_t i) {
  const Bucket& bucket = plan_.buckets()[i];
  for (std::int64_t pass = 0; pass < buckets_[i].passed; ++pass)
    travel_.wait(buckets_[i].events[index(pass)]);
  std::int64_t* sums = sums_.as<std::int64_t>() + bucket.begin;
  float* gradients = gradients_.as<float>() + bucket.begin;
  const std::int64_t first = bucket.owned_begin(collectives_.rank()) - bucket.begin;
  const std::int64_t owned = bucket.counts[index(collectives_.rank())];
  if (exact_) {
    collectives_.reduce_scatter(travel_, sums, bucket.counts);
    cuda::exact_to_float(travel_, gradients + first, sums + first, owned);
  } else {
    cuda::exact_to_float(travel_, gradients, sums, bucket.end - bucket.begin);
    collectives_.reduce_scatter(travel_, gradients, bucket.counts);
  }
}

void DeviceReducer::finish(const cuda::Stream& main) {
  require(started_ == buckets_.size(), "a step's gradients are wanted before all of its slices have passed");
  arrived_.record(travel_);
  main.wait(arrived_);
}

void DeviceReducer::order_norms() {
  const auto& blocks = plan_.norm_blocks();
  std::vector<cuda::NormBlock> own;
  std::vector<std::int64_t> by_arena(blocks.size() - 1);
  for (int rank = 0; rank < collectives_.size(); ++rank) {
    const std::int64_t before = all_norms_;
    if (rank == collectives_.rank()) first_norm_ = all_norms_;
    for (const auto& range : plan_.owned(rank))
      for (auto block = std::ranges::lower_bound(blocks, range.begin); *block < range.end; ++block) {
        by_arena[index(block - blocks.begin())] = all_norms_++;
        if (rank == collectives_.rank()) own.push_back({*block, *(block + 1)});
      }
    norm_bytes_.push_back((all_norms_ - before) * static_cast<std::int64_t>(sizeof(double)));
  }
  own_norms_ = std::ssize(own);
  norm_blocks_ = uploaded(own);
  norm_order_ = uploaded(by_arena);
  norms_ = cuda::DeviceMemory(index(all_norms_) * sizeof(double));
}

void DeviceReducer::clip(const cuda::Stream& main, double clipnorm, cuda::StepState* state) {
  cuda::squared_norms(main, norms_.as<double>() + first_norm_, norm_blocks_.as<cuda::NormBlock>(), own_norms_,
                      gradients());
  collectives_.all_gather(main, norms_.data(), norm_bytes_);
  cuda::choose_gradient_scale(main, state, norms_.as<double>(), norm_order_.as<std::int64_t>(), all_norms_,
                              clipnorm);
}

void DeviceReducer::share(const cuda::Stream& main, float* arena) {
  std::vector<std::int64_t> bytes;
  for (auto bucket = plan_.buckets().rbegin(); bucket != plan_.buckets().rend(); ++bucket) {
    bytes.clear();
    for (const std::int64_t count : bucket->counts)
      bytes.push_back(count * static_cast<std::int64_t>(sizeof(float)));
    collectives_.all_gather(main, reinterpret_cast<std::byte*>(arena + bucket->begin), bytes);
  }
}

}  // namespace convoy
