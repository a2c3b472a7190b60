#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

/// What decides whether a line that is drawn again and again reaches someone's eyes.
struct ScreenFacts {
  bool is_terminal = false;   ///< standard error is a terminal
  bool is_pipe = false;       ///< or a pipe or socket, which a launcher may forward
  bool has_launcher = false;  ///< mpirun or the like started this process
  std::string parent_stderr;  ///< what the parent's standard error is: "/dev/pts/3", "pipe:[123]"
  std::string term;           ///< $TERM
};

/// The terminal that shows this process's standard error: "/dev/stderr" for its own, the launcher's where
/// mpirun forwards to one; nothing where there is none, or one that cannot go back to the start of a line.
std::optional<std::string> screen_device(const ScreenFacts& facts);
ScreenFacts read_screen_facts(bool has_launcher);
/// Columns of a terminal, 80 where it does not say.
int screen_width(const std::string& device);

/// Writes lines to a file descriptor, and on a terminal keeps one status line below them. Thread-safe. What
/// cannot be written is lost: a closed terminal must not end a training.
class Terminal {
 public:
  /// `width` is asked for the columns before each status; nothing: not a live terminal, status lines are left
  /// out.
  Terminal(int descriptor, std::function<int()> width) : descriptor_(descriptor), width_(std::move(width)) {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { set_status(""); }

  bool live() const { return width_ != nullptr; }
  int width() const { return live() ? width_() : 80; }
  /// Clears the status, writes the text and a line end, and draws the status again.
  void print(std::string_view text);
  /// Shows `text` (ASCII, cut to the width) in place of the status so far; "" takes it away.
  void set_status(std::string_view text);

 private:
  void write(std::string_view text) const;

  int descriptor_;
  std::function<int()> width_;
  std::mutex mutex_;
  std::string status_;
};

}  // namespace convoy
