#include "launcher/terminal.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/atomic_file.h"

namespace convoy {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";

}  // namespace

std::optional<std::string> screen_device(const ScreenFacts& facts) {
  if (facts.term.empty() || facts.term == "dumb") return {};
  if (facts.is_terminal) return "/dev/stderr";
  const bool parent_has_terminal =
      facts.parent_stderr.starts_with("/dev/pts/") || facts.parent_stderr.starts_with("/dev/tty");
  if (facts.has_launcher && facts.is_pipe && parent_has_terminal) return facts.parent_stderr;
  return {};
}

ScreenFacts read_screen_facts(bool has_launcher) {
  ScreenFacts facts;
  facts.is_terminal = ::isatty(STDERR_FILENO) == 1;
  struct stat status {};
  facts.is_pipe =
      ::fstat(STDERR_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
  facts.has_launcher = has_launcher;
  std::error_code ignored;
  facts.parent_stderr =
      std::filesystem::read_symlink(fmt::format("/proc/{}/fd/2", ::getppid()), ignored).string();
  const char* term = std::getenv("TERM");
  facts.term = term == nullptr ? "" : term;
  return facts;
}

int screen_width(const std::string& device) {
  const FileDescriptor screen(::open(device.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  winsize size{};
  if (!screen || ::ioctl(screen.get(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void Terminal::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string output;
  if (!status_.empty()) output += kClearLine;
  output += text;
  output += '\n';
  output += status_;
  write(output);
}

void Terminal::set_status(std::string_view text) {
  if (!live()) return;
  const std::lock_guard lock(mutex_);
  if (text.empty() && status_.empty()) return;
  // A character in the last column would make some terminals begin a new line.
  const auto most = static_cast<std::size_t>(std::max(width_() - 1, 1));
  status_ = text.substr(0, most);
  write(std::string(kClearLine) + status_);
}

void Terminal::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace convoy
