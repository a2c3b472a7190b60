#include "launcher/trace.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "launcher/atomic_file.h"
#include "launcher/collective.h"

namespace convoy {

namespace {

using Json = nlohmann::ordered_json;

bool belongs_to_a_block(Piece piece) {
  return piece == Piece::prepare || piece == Piece::forward || piece == Piece::backward ||
         piece == Piece::weight_gradient || piece == Piece::sum;
}

Json event_of(const Profiler::Span& span, std::span<const EngineBlock> blocks,
              Profiler::Clock::time_point start) {
  const auto microseconds = [](Profiler::Clock::duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
  };
  const std::string piece(kPieceNames[static_cast<std::size_t>(span.piece)]);
  const EngineBlock& block = blocks[span.block];
  return {{"name", belongs_to_a_block(span.piece) ? block.layer_name() + " " + piece : piece},
          {"cat", piece},
          {"ph", "X"},
          {"ts", microseconds(span.begin - start)},
          {"dur", microseconds(span.end - span.begin)}};
}

Json name_of(const char* what, const std::string& name) {
  return {{"name", what}, {"ph", "M"}, {"args", {{"name", name}}}};
}

}  // namespace

void write_trace(const std::filesystem::path& path, const Profiler& profiler,
                 std::span<const EngineBlock> blocks, Profiler::Clock::time_point start, int workers,
                 Communicator& communicator) {
  Json events = Json::array();
  const auto add = [&](Json event, int worker) {
    event["pid"] = communicator.rank();
    event["tid"] = worker;
    events.push_back(std::move(event));
  };
  add(name_of("process_name", fmt::format("rank {}", communicator.rank())), 0);
  for (int worker = 0; worker < workers; ++worker) {
    add(name_of("thread_name", fmt::format("worker {}", worker)), worker);
    for (const Profiler::Span& span : profiler.spans(worker)) add(event_of(span, blocks, start), worker);
  }
  const std::vector<std::string> texts = gather_texts(communicator, events.dump());
  agree(communicator, [&] {
    if (communicator.rank() != 0) return;
    std::string all;
    for (const std::string& text : texts)  // each an array, and never an empty one
      all += (all.empty() ? "" : ",\n") + text.substr(1, text.size() - 2);
    write_file_atomically(path, fmt::format("{{\"displayTimeUnit\": \"ms\", \"traceEvents\": [{}]}}\n", all));
  });
}

}  // namespace convoy
