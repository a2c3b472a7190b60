#include "launcher/metrics_writer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <unistd.h>

namespace convoy {
namespace fs = std::filesystem;
namespace {

std::string text_of(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw CheckpointError("cannot read {}", path.string());
  return text;
}

/// The position behind the last whole line within the first `bytes`.
MetricsPosition last_line_end(std::string_view text) {
  const std::size_t end = text.rfind('\n');
  const std::string_view whole = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  return {std::ranges::count(whole, '\n'), static_cast<std::int64_t>(whole.size())};
}

std::optional<MetricsEvent> parse_event(std::string_view line) {
  MetricsEvent event = MetricsEvent::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!event.is_object() || !event.contains("event") || !event["event"].is_string()) return {};
  return event;
}

bool lies_beyond(const MetricsEvent& event, const TrainingCursor& cursor) {
  const auto number = [&](const char* field) -> std::int64_t {
    const auto found = event.find(field);
    return found != event.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  const auto& name = event["event"].get_ref<const std::string&>();
  if (name == "epoch") return number("epoch") > cursor.epoch;
  return name == "end" || number("step") > cursor.global_step;
}

std::int64_t bytes_up_to(std::string_view text, const TrainingCursor& cursor) {
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', begin)) {
    const auto event = parse_event(text.substr(begin, end - begin));
    if (!event || lies_beyond(*event, cursor)) break;
    begin = end + 1;
  }
  return static_cast<std::int64_t>(begin);
}

}  // namespace

MetricsWriter::MetricsWriter(fs::path path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_) throw write_error(path_);
  position_ = last_line_end(text_of(path_));
  if (::ftruncate(file_.get(), position_.bytes) != 0) throw write_error(path_);
}

void MetricsWriter::write(std::string_view name, const MetricsEvent& fields) {
  MetricsEvent event{{"event", name}};
  event.update(fields);
  const std::string line = event.dump() + '\n';
  ssize_t written = 0;
  do {
    written = ::write(file_.get(), line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;
    const CheckpointError error = write_error(path_);
    if (::ftruncate(file_.get(), position_.bytes) != 0)
      throw CheckpointError("{}, and half a line is left", error.what());
    throw error;
  }
  ++position_.lines;
  position_.bytes += written;
}

void MetricsWriter::sync() {
  if (::fsync(file_.get()) != 0) throw write_error(path_);
}

bool cut_metrics(const fs::path& path, const MetricsPosition& position, const TrainingCursor& cursor) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return position.bytes == 0;
  const std::string text = text_of(path);
  const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(position.bytes, 0));
  const bool usable =
      bytes <= text.size() && last_line_end(std::string_view(text).substr(0, bytes)) == position;
  const std::int64_t keep = usable ? position.bytes : bytes_up_to(text, cursor);
  if (::truncate(path.c_str(), keep) != 0) throw write_error(path);
  return usable;
}

std::vector<MetricsEvent> read_metrics(const fs::path& path) {
  const std::string text = text_of(path);
  std::vector<MetricsEvent> events;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    auto event = parse_event(std::string_view(text).substr(begin, end - begin));
    if (!event) {
      throw CheckpointError("{}:{}: no event: the line is damaged; remove it", path.string(),
                            events.size() + 1);
    }
    events.push_back(std::move(*event));
    begin = end + 1;
  }
  return events;
}

}  // namespace convoy
