#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/cuda/stream.h"

namespace convoy::cuda {

/// How ranks, each with a device of its own, exchange what lies in the devices' memory. All ranks make the
/// same calls in the same order with the same sizes. Throws CommError.
class Collectives {
 public:
  virtual ~Collectives() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Whether calls only queue work, which a graph can capture. Else they wait on the host for the stream and
  /// the other ranks.
  virtual bool only_queues() const = 0;

  /// Sums over ranks: of `data` (counts[0] + … elements in rank order) each rank ends with the sum of its own
  /// part in place; the other parts are undefined afterwards.
  virtual void reduce_scatter(const Stream& stream, std::int64_t* data,
                              std::span<const std::int64_t> counts) = 0;
  virtual void reduce_scatter(const Stream& stream, float* data, std::span<const std::int64_t> counts) = 0;
  /// `data` holds bytes[0] + … bytes in rank order; each rank has filled its own part, and ends with all of
  /// them.
  virtual void all_gather(const Stream& stream, std::byte* data, std::span<const std::int64_t> bytes) = 0;

  /// Throws CommError where an exchange that was queued has failed, or another rank is known to have: to be
  /// asked now and then while the host waits for a stream.
  virtual void require_alive() = 0;
};

/// Those of a rank that is alone.
class SelfCollectives : public Collectives {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  bool only_queues() const override { return true; }
  void reduce_scatter(const Stream&, std::int64_t*, std::span<const std::int64_t>) override {}
  void reduce_scatter(const Stream&, float*, std::span<const std::int64_t>) override {}
  void all_gather(const Stream&, std::byte*, std::span<const std::int64_t>) override {}
  void require_alive() override {}
};

}  // namespace convoy::cuda
