#include "launcher/bus_error.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"

// Only what POSIX calls async-signal-safe may run here: no allocation, no stdio.

namespace convoy {

namespace {

/// One line of /proc/self/maps: "7f00-7f80 r--s 00000000 08:01 131 /data/train-images".
struct Mapping {
  std::uintptr_t begin = 0, end = 0;
  bool writable = false;
  const char* path = nullptr;  ///< from its first slash; null: no file
};

std::uintptr_t take_hexadecimal(const char*& text) {
  std::uintptr_t value = 0;
  for (;; ++text) {
    if (*text >= '0' && *text <= '9')
      value = value * 16 + static_cast<std::uintptr_t>(*text - '0');
    else if (*text >= 'a' && *text <= 'f')
      value = value * 16 + static_cast<std::uintptr_t>(*text - 'a' + 10);
    else
      return value;
  }
}

Mapping parse_mapping(const char* line) {
  Mapping mapping;
  mapping.begin = take_hexadecimal(line);
  if (*line != '-') return {};
  mapping.end = take_hexadecimal(++line);
  mapping.writable = std::strncmp(line, " rw", 3) == 0;
  mapping.path = std::strchr(line, '/');
  return mapping;
}

/// Reads /proc/self/maps line by line.
class Maps {
 public:
  Maps() : descriptor_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~Maps() { close(descriptor_); }
  Maps(const Maps&) = delete;
  Maps& operator=(const Maps&) = delete;

  /// False at the end. What is too long for `line` is left out.
  bool next(char (&line)[4096]) {
    std::size_t length = 0;
    for (char c = 0; take(c);) {
      if (c == '\n') {
        line[length] = '\0';
        return true;
      }
      if (length + 1 < sizeof line) line[length++] = c;
    }
    return false;
  }

 private:
  bool take(char& c) {
    if (position_ == size_) {
      ssize_t got = 0;
      do got = read(descriptor_, buffer_, sizeof buffer_);
      while (got < 0 && errno == EINTR);
      if (got <= 0) return false;
      position_ = 0;
      size_ = static_cast<std::size_t>(got);
    }
    c = buffer_[position_++];
    return true;
  }

  int descriptor_;
  char buffer_[1024];
  std::size_t position_ = 0, size_ = 0;
};

std::atomic<const EmergencyRecord*> emergency_record{nullptr};
static_assert(std::atomic<const EmergencyRecord*>::is_always_lock_free);

[[noreturn]] void end_with(const char* path, const char* what, ExitCode code) {
  static constexpr char kName[] = "convoy: ";
  char line[5120];
  std::size_t length = 0;
  for (const char* part : {kName, path, what})
    for (; *part != '\0' && length < sizeof line - 2; ++part) line[length++] = *part;
  line[length] = '\n';
  // One call, so that the ranks' lines do not mix; nothing is left to do where it fails.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, length + 1);
  line[length] = '\0';
  if (const EmergencyRecord* record = emergency_record) record->write(code, line + sizeof kName - 1);
  _exit(static_cast<int>(code));
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  static std::atomic_flag told = ATOMIC_FLAG_INIT;
  if (told.test_and_set()) pause();  // another thread is at it, and ends the process
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  char line[4096];
  // A kill(2) has no address; the kernel's own signals have a positive code.
  for (Maps maps; info->si_code > 0 && maps.next(line);) {
    const Mapping mapping = parse_mapping(line);
    if (address < mapping.begin || address >= mapping.end || !mapping.path) continue;
    if (mapping.writable)
      end_with(mapping.path, ": its file system has no room left; free some, or make it larger",
               ExitCode::device);
    end_with(mapping.path,
             ": could not be read any more: it was truncated while in use, or its disk fails; restore the "
             "file and resume",
             ExitCode::data);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void explain_bus_errors() {
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

BusErrorsRecorded::BusErrorsRecorded(const EmergencyRecord& record) { emergency_record = &record; }

BusErrorsRecorded::~BusErrorsRecorded() { emergency_record = nullptr; }

}  // namespace convoy
