#pragma once

#include <functional>

#include "comm/communicator.h"
#include "core/error.h"

namespace convoy {

/// An error that every rank knows of and throws at the same place: the first rank alone reports it, and all
/// end in an orderly way with its code.
class AgreedError : public Error {
 public:
  using Error::Error;
};

/// Runs `work` on every rank of `communicator`. Where it fails on any, throws AgreedError on all: the message
/// of the lowest rank that failed, with the ranks that failed where they are not all. Collective; `work` may
/// be so too.
void agree(Communicator& communicator, const std::function<void()>& work);

}  // namespace convoy
