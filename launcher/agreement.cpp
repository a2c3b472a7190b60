#include "launcher/agreement.h"

#include <fmt/ranges.h>

#include <new>
#include <string>
#include <vector>

#include "launcher/collective.h"

namespace convoy {

namespace {

struct Failure {
  ExitCode code = ExitCode::ok;
  std::string message;
};

Failure attempt(const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::device, "out of memory"};
  } catch (const std::exception& error) {
    return {ExitCode::defect, error.what()};
  }
}

}  // namespace

void agree(Communicator& communicator, const std::function<void()>& work) {
  const Failure mine = attempt(work);
  const std::string report =
      mine.code == ExitCode::ok ? "" : static_cast<char>(static_cast<int>(mine.code)) + mine.message;
  const std::vector<std::string> reports = gather_texts(communicator, report);
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
