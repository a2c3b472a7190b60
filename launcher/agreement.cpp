#include "launcher/agreement.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <new>
#include <numeric>
#include <string>
#include <vector>

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

/// Everybody's bytes, one string a rank.
std::vector<std::string> gather(Communicator& communicator, const std::string& mine) {
  const std::size_t ranks = static_cast<std::size_t>(communicator.size());
  const std::size_t me = static_cast<std::size_t>(communicator.rank());
  std::vector<std::int64_t> lengths(ranks, 0);
  lengths[me] = static_cast<std::int64_t>(mine.size());
  const std::vector<std::int64_t> words(ranks, sizeof(std::int64_t));
  communicator.all_gather(std::as_writable_bytes(std::span(lengths)), words);
  std::vector<std::size_t> begins(ranks + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), begins.begin() + 1);
  std::string all(begins.back(), '\0');
  std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(begins[me]));
  communicator.all_gather(std::as_writable_bytes(std::span(all)), lengths);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < ranks; ++i) parts.push_back(all.substr(begins[i], begins[i + 1] - begins[i]));
  return parts;
}

}  // namespace

void agree(Communicator& communicator, const std::function<void()>& work) {
  const Failure mine = attempt(work);
  const std::string report =
      mine.code == ExitCode::ok ? "" : static_cast<char>(static_cast<int>(mine.code)) + mine.message;
  const std::vector<std::string> reports = gather(communicator, report);
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
