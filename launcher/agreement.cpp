#include "launcher/agreement.h"

#include <fmt/ranges.h>
#include <string>
#include <vector>

#include "launcher/collective.h"
#include "launcher/failure.h"

namespace convoy {

namespace {

/// What went wrong, its code first; empty where nothing did.
std::string attempt(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const std::exception& error) {
    return static_cast<char>(exit_code_of(error)) + message_of(error);
  }
}

}  // namespace

void agree(Communicator& communicator, const std::function<void()>& work) {
  const std::vector<std::string> reports = gather_texts(communicator, attempt(work));
  std::vector<std::size_t> failed;
  for (std::size_t rank = 0; rank < reports.size(); ++rank)
    if (!reports[rank].empty()) failed.push_back(rank);
  if (failed.empty()) return;
  const std::string& first = reports[failed.front()];
  const ExitCode code{static_cast<int>(first.front())};
  const bool everywhere = failed.size() == reports.size();
  const std::string where =
      everywhere ? ""
                 : fmt::format("{} {}: ", failed.size() == 1 ? "rank" : "ranks", fmt::join(failed, ", "));
  throw AgreedError(code, where + first.substr(1));
}

}  // namespace convoy
