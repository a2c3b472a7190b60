#include "launcher/emergency_record.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unistd.h>

#include "core/host.h"
#include "launcher/failure.h"

namespace convoy {

namespace {

/// Text in memory that is there already; what does not fit is left out.
class FixedText {
 public:
  FixedText& operator<<(std::string_view text) {
    const std::size_t length = std::min(text.size(), sizeof buffer_ - length_);
    std::memcpy(buffer_ + length_, text.data(), length);
    length_ += length;
    return *this;
  }
  FixedText& number(std::int64_t value, int digits = 1) {
    char reversed[20];
    int count = 0;
    for (; value > 0 || count < digits; value /= 10) reversed[count++] = static_cast<char>('0' + value % 10);
    while (count > 0) *this << std::string_view(&reversed[--count], 1);
    return *this;
  }
  /// A JSON string's inside. Bytes above 0x7f stay: paths are UTF-8 where anything reads the file.
  FixedText& escaped(const char* text) {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (; *text != '\0'; ++text) {
      const auto byte = static_cast<unsigned char>(*text);
      if (byte < 0x20) {
        const char code[] = {'\\', 'u', '0', '0', kDigits[byte / 16], kDigits[byte % 16]};
        *this << std::string_view(code, sizeof code);
      } else {
        if (byte == '"' || byte == '\\') *this << "\\";
        *this << std::string_view(text, 1);
      }
    }
    return *this;
  }
  /// "2026-01-31 23:59:59.123"
  FixedText& time(long utc_offset) {
    using namespace std::chrono;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const sys_seconds local{seconds(now.tv_sec + utc_offset)};
    const auto day = floor<days>(local);
    const year_month_day date(day);
    const hh_mm_ss clock(local - day);
    number(int{date.year()}, 4) << "-";
    number(unsigned{date.month()}, 2) << "-";
    number(unsigned{date.day()}, 2) << " ";
    number(clock.hours().count(), 2) << ":";
    number(clock.minutes().count(), 2) << ":";
    number(clock.seconds().count(), 2) << ".";
    return number(now.tv_nsec / 1'000'000, 3);
  }
  /// Whether all of it was written, in one call: lines of several processes do not mix.
  bool write_to(int file) const { return write(file, buffer_, length_) == static_cast<ssize_t>(length_); }

 private:
  char buffer_[12288];
  std::size_t length_ = 0;
};

long local_utc_offset() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  return localtime_r(&now, &local) ? local.tm_gmtoff : 0;
}

}  // namespace

EmergencyRecord::EmergencyRecord(const RunPaths& paths, int rank, const Watchdog& watchdog)
    : watchdog_(watchdog),
      rank_(rank),
      utc_offset_(local_utc_offset()),
      failure_(paths.failure().string()),
      temporary_(
          (paths.directory / fmt::format(".failure.json{}{}-{}", kTemporaryMark, rank, ::getpid())).string()),
      log_(paths.log().string()),
      who_(fmt::format("  \"rank\": {},\n  \"host\": {},\n", rank, nlohmann::json(host_name()).dump())) {}

void EmergencyRecord::write(ExitCode code, const char* message) const noexcept {
  write_failure_file(code, message);
  append_log_line(message);
}

void EmergencyRecord::write_failure_file(ExitCode code, const char* message) const noexcept {
  if (access(failure_.c_str(), F_OK) == 0) return;
  const int file = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return;
  FixedText text;
  (text << "{\n  \"exit_code\": ").number(static_cast<int>(code)) << ",\n  \"kind\": \"" << kind_of(code);
  (text << "\",\n  \"message\": \"").escaped(message) << "\",\n" << who_;
  (text << "  \"step\": ").number(watchdog_.step()) << ",\n  \"phase\": \"";
  text.escaped(watchdog_.phase()) << "\"\n}\n";
  const bool whole = text.write_to(file) && fsync(file) == 0;
  close(file);
  if (!whole || rename(temporary_.c_str(), failure_.c_str()) != 0) unlink(temporary_.c_str());
}

void EmergencyRecord::append_log_line(const char* message) const noexcept {
  const int file = open(log_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);  // a log is rank 0's to create
  if (file < 0) return;
  FixedText text;
  text.time(utc_offset_) << " error rank ";
  text.number(rank_) << " failed ";
  if (const std::int64_t step = watchdog_.step(); step > 0)
    (text << "after step ").number(step) << ", ";
  else
    text << "while ";
  text << watchdog_.phase() << ": " << message << "\n";
  text.write_to(file);
  close(file);
}

}  // namespace convoy
