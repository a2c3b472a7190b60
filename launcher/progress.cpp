#include "launcher/progress.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <vector>

namespace convoy {
namespace {

constexpr double kSecondsBetweenDrawings = 0.1;

struct Part {
  std::string text;
  int importance;
};

}  // namespace

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

RateMeter::RateMeter(Clock clock, double window_seconds) : clock_(std::move(clock)), window_(window_seconds) {
  restart();
}

void RateMeter::restart() { sums_.assign(1, {clock_(), 0}); }

void RateMeter::add(std::int64_t images) {
  sums_.emplace_back(clock_(), sums_.back().second + images);
  while (sums_.size() > 2 && sums_[1].first <= sums_.back().first - window_) sums_.pop_front();
}

double RateMeter::per_second() const {
  const double seconds = sums_.back().first - sums_.front().first;
  return seconds > 0 ? static_cast<double>(sums_.back().second - sums_.front().second) / seconds : 0;
}

std::string grouped(std::int64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool begins_group = (digits.size() - i) % 3 == 0 && !text.empty() && text.back() != '-';
    if (begins_group) text += ',';
    text += digits[i];
  }
  return text;
}

std::string duration_text(double seconds) {
  // Longer than any training; also where nothing can be said yet.
  if (!(seconds < 1e9)) return "?";
  const auto whole = static_cast<std::int64_t>(std::ceil(std::max(seconds, 0.0)));
  if (whole < 60) return fmt::format("{}s", whole);
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}h {:02}m", whole / 3600, whole % 3600 / 60);
}

std::string progress_text(const ProgressStep& step, int width) {
  std::vector<Part> parts{{fmt::format("epoch {}/{}", step.epoch, step.epochs), 5},
                          {fmt::format("step {}/{}", step.step, step.steps), 4},
                          {fmt::format("loss {:.4f}", step.loss), 3}};
  if (step.accuracy) parts.push_back({fmt::format("accuracy {:.4f}", *step.accuracy), 2});
  parts.push_back({fmt::format("{} images/s", grouped(std::llrint(step.images_per_second))), 0});
  if (step.seconds_left) parts.push_back({duration_text(*step.seconds_left) + " left", 1});
  while (true) {
    std::string text;
    for (const Part& part : parts) {
      if (!text.empty()) text += "  ";
      text += part.text;
    }
    if (std::cmp_less_equal(text.size(), width) || parts.size() == 1) return text;
    parts.erase(std::ranges::min_element(parts, {}, &Part::importance));
  }
}

Progress::Progress(Terminal& terminal, Log& log, bool quiet, Clock clock)
    : terminal_(terminal), log_(log), quiet_(quiet), clock_(std::move(clock)) {}

Progress::~Progress() { clear(); }

void Progress::show(const ProgressStep& step, bool logged) {
  if (logged) {
    const std::string text = progress_text(step, std::numeric_limits<int>::max());
    if (terminal_.live()) {
      log_.record("{}", text);
    } else {
      log_.info("{}", text);
    }
  }
  if (due()) terminal_.set_status(progress_text(step, terminal_.width() - 1));
}

void Progress::show(std::string_view phase) {
  if (quiet_ || !terminal_.live()) return;
  drawn_ = clock_();
  terminal_.set_status(phase);
}

void Progress::clear() {
  terminal_.set_status("");
  drawn_.reset();
}

bool Progress::due() {
  if (quiet_ || !terminal_.live()) return false;
  const double now = clock_();
  if (drawn_ && now - *drawn_ < kSecondsBetweenDrawings) return false;
  drawn_ = now;
  return true;
}

}  // namespace convoy
