#pragma once

#include <memory>

#include "comm/communicator.h"
#include "core/cuda/collectives.h"
#include "core/cuda/memory.h"

namespace convoy {

/// Exchanges through the host: what lies on the device is copied to pinned memory, exchanged by a
/// communicator, and copied back. For ranks that share a GPU, and where NCCL is missing.
class StagedCollectives : public cuda::Collectives {
 public:
  explicit StagedCollectives(std::unique_ptr<Communicator> communicator)
      : communicator_(std::move(communicator)) {}

  int rank() const override { return communicator_->rank(); }
  int size() const override { return communicator_->size(); }
  bool only_queues() const override { return size() == 1; }
  void reduce_scatter(const cuda::Stream& stream, std::int64_t* data,
                      std::span<const std::int64_t> counts) override;
  void reduce_scatter(const cuda::Stream& stream, float* data, std::span<const std::int64_t> counts) override;
  void all_gather(const cuda::Stream& stream, std::byte* data, std::span<const std::int64_t> bytes) override;
  void require_alive() override { communicator_->require_alive(); }

 private:
  template <class T>
  void sum(const cuda::Stream& stream, T* data, std::span<const std::int64_t> counts);
  std::byte* room(std::size_t bytes);
  void wait_for(const cuda::Stream& stream);

  std::unique_ptr<Communicator> communicator_;
  cuda::PinnedMemory room_;
};

}  // namespace convoy
