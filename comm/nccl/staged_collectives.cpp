#include "comm/nccl/staged_collectives.h"

#include <numeric>

#include "comm/backoff.h"

namespace convoy {

namespace {

std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

std::int64_t sum_of(std::span<const std::int64_t> values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

}  // namespace

void StagedCollectives::reduce_scatter(const cuda::Stream& stream, std::int64_t* data,
                                       std::span<const std::int64_t> counts) {
  sum(stream, data, counts);
}

void StagedCollectives::reduce_scatter(const cuda::Stream& stream, float* data,
                                       std::span<const std::int64_t> counts) {
  sum(stream, data, counts);
}

template <class T>
void StagedCollectives::sum(const cuda::Stream& stream, T* data, std::span<const std::int64_t> counts) {
  if (size() == 1) return;
  const std::size_t n = index(sum_of(counts)), first = index(sum_of(counts.first(index(rank()))));
  T* host = reinterpret_cast<T*>(room(n * sizeof(T)));
  copy_to_host(stream, host, data, n * sizeof(T));
  wait_for(stream);
  communicator_->start_reduce_scatter(std::span(host, n), counts)->wait();
  copy_to_device(stream, data + first, host + first, index(counts[index(rank())]) * sizeof(T));
  wait_for(stream);  // the room is another call's
}

void StagedCollectives::all_gather(const cuda::Stream& stream, std::byte* data,
                                   std::span<const std::int64_t> bytes) {
  if (size() == 1) return;
  const std::size_t n = index(sum_of(bytes)), first = index(sum_of(bytes.first(index(rank()))));
  std::byte* host = room(n);
  copy_to_host(stream, host + first, data + first, index(bytes[index(rank())]));
  wait_for(stream);
  communicator_->all_gather(std::span(host, n), bytes);
  copy_to_device(stream, data, host, n);
  wait_for(stream);
}

std::byte* StagedCollectives::room(std::size_t bytes) {
  if (room_.size() < bytes) room_ = cuda::PinnedMemory(bytes);
  return room_.data();
}

void StagedCollectives::wait_for(const cuda::Stream& stream) {
  for (Backoff backoff; !stream.is_done(); backoff.pause()) communicator_->require_alive();
}

}  // namespace convoy
