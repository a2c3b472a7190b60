#include "launcher/collective.h"

#include <algorithm>
#include <numeric>

namespace convoy {

std::string broadcast_text(Communicator& communicator, std::string text) {
  std::int64_t size = static_cast<std::int64_t>(text.size());
  communicator.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
  text.resize(static_cast<std::size_t>(size));
  communicator.broadcast(std::as_writable_bytes(std::span(text)), 0);
  return text;
}

bool broadcast_answer(Communicator& communicator, bool answer) {
  communicator.broadcast(std::as_writable_bytes(std::span(&answer, 1)), 0);
  return answer;
}

std::vector<std::string> gather_texts(Communicator& communicator, const std::string& mine) {
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

}  // namespace convoy
