#pragma once

#include <functional>
#include <memory>
#include <nccl.h>

#include "comm/communicator.h"
#include "core/cuda/collectives.h"

namespace convoy {

/// Exchanges by NCCL, between the devices that were current when the ranks made it: one rank a device.
class NcclCollectives : public cuda::Collectives {
 public:
  /// Takes the communicator for what NCCL does not do: to bring its id to all ranks, and to notice ranks that
  /// have failed. Collective. Throws CommError.
  explicit NcclCollectives(std::unique_ptr<Communicator> communicator);
  /// Collective, unless an exchange has failed or an exception is under way: the others are then not waited
  /// for.
  ~NcclCollectives() override;

  int rank() const override { return communicator_->rank(); }
  int size() const override { return communicator_->size(); }
  bool only_queues() const override { return true; }
  void reduce_scatter(const cuda::Stream& stream, std::int64_t* data,
                      std::span<const std::int64_t> counts) override;
  void reduce_scatter(const cuda::Stream& stream, float* data, std::span<const std::int64_t> counts) override;
  void all_gather(const cuda::Stream& stream, std::byte* data, std::span<const std::int64_t> bytes) override;
  void require_alive() override;

 private:
  void check(ncclResult_t result, const char* call);
  void complete(ncclResult_t result, const char* call);
  void sum(const cuda::Stream& stream, std::byte* data, std::span<const std::int64_t> counts,
           ncclDataType_t type, std::int64_t width);
  template <class Call>
  void grouped(const Call& call);

  std::unique_ptr<Communicator> communicator_;
  ncclComm_t comm_ = nullptr;
  bool failed_ = false;
  int exceptions_;  ///< under way when this was made
};

}  // namespace convoy
