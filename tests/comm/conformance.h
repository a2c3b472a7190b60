#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "comm/communicator.h"

/// What every communicator must do, on any number of ranks. Each function is called by all ranks with theirs.
namespace convoy::conformance {

inline std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }
inline std::int64_t sum(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

/// How an array may be divided: evenly, unevenly, all to one rank, to nobody.
inline std::vector<std::vector<std::int64_t>> divisions(int ranks) {
  std::vector<std::vector<std::int64_t>> all;
  const std::size_t n = static_cast<std::size_t>(ranks);
  all.push_back(std::vector<std::int64_t>(n, 1));
  all.push_back(std::vector<std::int64_t>(n, 4096));
  all.push_back(std::vector<std::int64_t>(n, 0));
  for (std::size_t only : {std::size_t{0}, n - 1}) {
    all.push_back(std::vector<std::int64_t>(n, 0));
    all.back()[only] = 10007;
  }
  all.emplace_back();
  for (std::int64_t rank = 0; rank < ranks; ++rank)
    all.back().push_back(rank % 3 == 1 ? 0 : 5000 * rank + 13);
  return all;
}

/// The value that a rank brings at element i of the array numbered `array`. Large integers, of which the sum
/// wraps around nowhere; floats that no order of additions but one gives the expected sum of.
inline std::int64_t integer_of(int rank, std::int64_t array, std::int64_t i) {
  const std::uint64_t mixed =
      static_cast<std::uint64_t>((i + 1) * 1000 + array * 100 + rank) * 0x9E3779B97F4A7C15;
  return static_cast<std::int64_t>(mixed >> 4) - (std::int64_t{1} << 59);
}
inline float float_of(int rank, std::int64_t array, std::int64_t i) {
  return std::ldexp(static_cast<float>((i * 7919 + array * 31 + rank * 104729) % 16001 - 8000),
                    rank % 4 * 7 - 9);
}
template <class T>
T value_of(int rank, std::int64_t array, std::int64_t i);
template <>
inline std::int64_t value_of(int rank, std::int64_t array, std::int64_t i) {
  return integer_of(rank, array, i);
}
template <>
inline float value_of(int rank, std::int64_t array, std::int64_t i) {
  return float_of(rank, array, i);
}

template <class T>
std::vector<T> values_of(int rank, std::int64_t array, std::int64_t count) {
  std::vector<T> values(index(count));
  for (std::int64_t i = 0; i < count; ++i) values[index(i)] = value_of<T>(rank, array, i);
  return values;
}

/// The sum in rank order.
template <class T>
T sum_over_ranks(int ranks, std::int64_t array, std::int64_t i) {
  T sum = value_of<T>(0, array, i);
  for (int rank = 1; rank < ranks; ++rank) sum += value_of<T>(rank, array, i);
  return sum;
}

template <class T>
void expect_sums_of_own_part(const Communicator& ranks, const std::vector<T>& data,
                             const std::vector<std::int64_t>& counts, std::int64_t array) {
  const std::int64_t begin = std::accumulate(counts.begin(), counts.begin() + ranks.rank(), std::int64_t{0});
  std::int64_t wrong = 0;
  for (std::int64_t i = begin; i < begin + counts[index(ranks.rank())]; ++i) {
    const T expected = sum_over_ranks<T>(ranks.size(), array, i);
    wrong += std::memcmp(&expected, &data[index(i)], sizeof(T)) != 0;
  }
  EXPECT_EQ(wrong, 0) << "elements of rank " << ranks.rank() << " of " << ranks.size();
}

template <class T>
void reduce_scatter_sums_to_the_bit(Communicator& ranks) {
  std::int64_t array = 0;
  for (const auto& counts : divisions(ranks.size())) {
    auto data = values_of<T>(ranks.rank(), ++array, sum(counts));
    ranks.start_reduce_scatter(std::span(data), counts)->wait();
    expect_sums_of_own_part(ranks, data, counts, array);
  }
}

inline void all_gather_spreads_every_part(Communicator& ranks) {
  std::int64_t array = 0;
  for (const auto& counts : divisions(ranks.size())) {
    const auto expected = values_of<float>(0, ++array, sum(counts));
    std::vector<float> data(expected.size(), -1.0F);
    const auto begin = std::accumulate(counts.begin(), counts.begin() + ranks.rank(), std::int64_t{0});
    std::copy_n(expected.begin() + begin, counts[index(ranks.rank())], data.begin() + begin);
    std::vector<float> blocking = data;
    ranks.start_all_gather(data, counts)->wait();
    EXPECT_EQ(data, expected);

    std::vector<std::int64_t> bytes = counts;
    for (std::int64_t& count : bytes) count *= static_cast<std::int64_t>(sizeof(float));
    ranks.all_gather(std::as_writable_bytes(std::span(blocking)), bytes);
    EXPECT_EQ(blocking, expected);
  }
}

inline void broadcast_reaches_all_from_any_root(Communicator& ranks) {
  for (int root = 0; root < ranks.size(); ++root)
    for (std::int64_t count : {0, 1, 100, 70001}) {
      const auto expected = values_of<std::int64_t>(root, 5, count);
      auto data = values_of<std::int64_t>(ranks.rank(), 5, count);
      ranks.broadcast(std::as_writable_bytes(std::span(data)), root);
      EXPECT_EQ(data, expected) << "from rank " << root;
    }
}

/// Operations under way together, ended in another order than they were started in, some by test() alone.
inline void operations_overlap(Communicator& ranks) {
  constexpr std::int64_t kArrays = 6;
  const std::vector<std::int64_t> counts(index(ranks.size()), 3001);
  std::vector<std::vector<std::int64_t>> integers;
  std::vector<std::vector<float>> floats;
  for (std::int64_t i = 0; i < kArrays; ++i) {
    integers.push_back(values_of<std::int64_t>(ranks.rank(), i, sum(counts)));
    floats.push_back(values_of<float>(ranks.rank(), i, sum(counts)));
  }
  std::vector<PendingPtr> pending;
  for (std::int64_t i = 0; i < kArrays; ++i) {
    pending.push_back(ranks.start_reduce_scatter(std::span(integers[index(i)]), counts));
    pending.push_back(ranks.start_reduce_scatter(std::span(floats[index(i)]), counts));
  }
  ranks.barrier();
  for (bool all = false; !all;) {
    all = true;
    for (std::size_t i = pending.size(); i-- > 1;) all &= pending[i]->test();
  }
  pending.front()->wait();
  for (PendingPtr& operation : pending) {
    EXPECT_TRUE(operation->test());
    operation->wait();
  }
  for (std::int64_t i = 0; i < kArrays; ++i) {
    expect_sums_of_own_part(ranks, integers[index(i)], counts, i);
    expect_sums_of_own_part(ranks, floats[index(i)], counts, i);
  }
}

/// The same sizes at the same time on a communicator and its duplicates, started in another order on each
/// rank.
inline void duplicates_never_mix(Communicator& ranks) {
  constexpr int kDuplicates = 3;
  std::vector<std::unique_ptr<Communicator>> duplicates;
  for (int i = 0; i < kDuplicates; ++i) duplicates.push_back(ranks.duplicate());
  auto second = duplicates[0]->duplicate();
  duplicates.push_back(std::move(second));
  const std::vector<std::int64_t> counts(index(ranks.size()), 501);
  std::vector<std::vector<std::int64_t>> data;
  std::vector<PendingPtr> pending(duplicates.size());
  for (std::size_t i = 0; i < duplicates.size(); ++i) {
    EXPECT_EQ(duplicates[i]->rank(), ranks.rank());
    EXPECT_EQ(duplicates[i]->size(), ranks.size());
    data.push_back(values_of<std::int64_t>(ranks.rank(), static_cast<std::int64_t>(i), sum(counts)));
  }
  for (std::size_t k = 0; k < duplicates.size(); ++k) {
    const std::size_t i = (k + index(ranks.rank())) % duplicates.size();
    pending[i] = duplicates[i]->start_reduce_scatter(std::span(data[i]), counts);
  }
  for (auto& operation : pending) operation->wait();
  for (std::size_t i = 0; i < data.size(); ++i)
    expect_sums_of_own_part(ranks, data[i], counts, static_cast<std::int64_t>(i));
}

/// Nobody is through before the last one came.
inline void barrier_waits_for_all(Communicator& ranks) {
  for (int late = 0; late < ranks.size(); ++late) {
    std::vector<std::int64_t> came(index(ranks.size()), 0);
    const std::vector<std::int64_t> counts(index(ranks.size()), sizeof(std::int64_t));
    came[index(ranks.rank())] = late + 1;
    ranks.barrier();
    ranks.all_gather(std::as_writable_bytes(std::span(came)), counts);
    EXPECT_EQ(came, std::vector<std::int64_t>(index(ranks.size()), late + 1));
  }
}

/// Every rank sends messages of several sizes, none of them too, to every other, and takes them later.
inline void messages_arrive_in_their_order(Communicator& ranks) {
  const std::vector<std::int64_t> sizes{3001, 0, 17, 100'000};
  std::vector<std::vector<float>> sent, received;
  std::vector<PendingPtr> pending;
  const auto each = [&](const auto& use) {
    for (int peer = 0; peer < ranks.size(); ++peer)
      for (std::size_t i = 0; i < sizes.size() && peer != ranks.rank(); ++i)
        use(peer, static_cast<std::int64_t>(i), sizes[i]);
  };
  each([&](int peer, std::int64_t i, std::int64_t size) {
    sent.push_back(values_of<float>(ranks.rank(), i + 10 * peer, size));
  });
  auto message = sent.begin();
  each([&](int peer, std::int64_t, std::int64_t) {
    pending.push_back(ranks.start_send(std::as_bytes(std::span(*message++)), peer));
  });
  each([&](int, std::int64_t, std::int64_t size) { received.emplace_back(index(size), -1.0F); });
  message = received.begin();
  each([&](int peer, std::int64_t, std::int64_t) {
    pending.push_back(ranks.start_receive(std::as_writable_bytes(std::span(*message++)), peer));
  });
  for (std::size_t i = pending.size(); i-- > 0;) pending[i]->wait();
  message = received.begin();
  each([&](int peer, std::int64_t i, std::int64_t size) {
    EXPECT_EQ(*message++, values_of<float>(peer, i + 10 * ranks.rank(), size)) << "message " << i;
  });
}

inline void all(Communicator& ranks) {
  reduce_scatter_sums_to_the_bit<std::int64_t>(ranks);
  reduce_scatter_sums_to_the_bit<float>(ranks);
  all_gather_spreads_every_part(ranks);
  broadcast_reaches_all_from_any_root(ranks);
  operations_overlap(ranks);
  duplicates_never_mix(ranks);
  barrier_waits_for_all(ranks);
  messages_arrive_in_their_order(ranks);
}

}  // namespace convoy::conformance
