#pragma once

#include <string>
#include <vector>

#include "comm/communicator.h"
#include "launcher/agreement.h"

namespace convoy {

/// Rank 0's text, on all ranks. Collective.
std::string broadcast_text(Communicator& communicator, std::string text);

/// Rank 0's answer, on all ranks. Collective.
bool broadcast_answer(Communicator& communicator, bool answer);

/// Everybody's text, in rank order, on all ranks. Collective.
std::vector<std::string> gather_texts(Communicator& communicator, const std::string& mine);

}  // namespace convoy
