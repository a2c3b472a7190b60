#pragma once

#include <memory>

#include "comm/communicator.h"

namespace convoy {

/// The communicator of a single rank: every operation is done before it starts, and touches nothing.
std::unique_ptr<Communicator> make_self_communicator();

}  // namespace convoy
