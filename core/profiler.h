#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace convoy {

/// What a rank's time goes into.
enum class Piece {
  prepare,  ///< packing weights
  input,    ///< filling slices
  forward,
  loss,
  backward,
  weight_gradient,  ///< formed and summed after the backward pass
  sum,              ///< adding slices' gradients up
  meeting,          ///< waiting for other ranks' small values
  reduce,           ///< waiting for other ranks' gradients
  update,
  gather  ///< waiting for other ranks' weights
};
inline constexpr std::array<std::string_view, 11> kPieceNames{
    "prepare", "input",   "forward", "loss",   "backward", "weight_gradient",
    "sum",     "meeting", "reduce",  "update", "gather"};

/// Adds up the time that each worker spends in each piece of each block. Costs nothing before start().
class Profiler {
 public:
  using Clock = std::chrono::steady_clock;
  struct Span {
    Piece piece;
    std::size_t block;
    Clock::time_point begin, end;
  };

  /// Pieces that belong to no block are counted as the first's.
  Profiler(int workers, std::size_t blocks) : blocks_(blocks), records_(static_cast<std::size_t>(workers)) {}

  /// From now on; with `keep_spans`, the single pieces are kept too.
  void start(bool keep_spans = false) {
    running_ = true;
    keep_spans_ = keep_spans;
    for (Record& record : records_) record = {std::vector<double>(kPieceNames.size() * blocks_), {}};
  }

  /// Does `work` in this worker's thread.
  template <class Work>
  void time(int worker, Piece piece, std::size_t block, const Work& work) {
    if (!running_) {
      work();
      return;
    }
    const Clock::time_point begin = Clock::now();
    work();
    const Clock::time_point end = Clock::now();
    Record& record = records_[static_cast<std::size_t>(worker)];
    record.seconds[static_cast<std::size_t>(piece) * blocks_ + block] +=
        std::chrono::duration<double>(end - begin).count();
    if (keep_spans_) record.spans.push_back({piece, block, begin, end});
  }

  /// Seconds of all workers together.
  double seconds(Piece piece, std::size_t block) const {
    double sum = 0;
    if (!running_) return sum;
    for (const Record& record : records_)
      sum += record.seconds[static_cast<std::size_t>(piece) * blocks_ + block];
    return sum;
  }
  double seconds(Piece piece) const {
    double sum = 0;
    for (std::size_t block = 0; block < blocks_; ++block) sum += seconds(piece, block);
    return sum;
  }
  /// A worker's pieces in the order of their ends.
  const std::vector<Span>& spans(int worker) const {
    return records_[static_cast<std::size_t>(worker)].spans;
  }

 private:
  struct alignas(64) Record {  // a cache line of its own for each worker
    std::vector<double> seconds;
    std::vector<Span> spans;
  };
  std::size_t blocks_;
  bool running_ = false, keep_spans_ = false;
  std::vector<Record> records_;
};

}  // namespace convoy
