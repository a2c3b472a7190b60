#pragma once

#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string_view>
#include <utility>

#include "launcher/terminal.h"

namespace convoy {

/// What a rank tells the user: plain lines on the terminal, the same with time and level in log.txt. Only
/// rank 0 speaks; errors come from any rank and, where there are several, name it. Thread-safe; never throws
/// once it is open.
class Log {
 public:
  struct Options {
    int rank = 0;
    int ranks = 1;
    bool quiet = false;  ///< only warnings and errors on the terminal; log.txt has everything
  };

  Log(Terminal& terminal, Options options);
  ~Log();

  /// From here on also appends to this file (rank 0; nothing happens on others). Throws CheckpointError.
  void open_file(const std::filesystem::path& path);

  /// Only to log.txt.
  template <class... Args>
  void record(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::record, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::info, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::warning, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    write(Level::error, fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  enum class Level { record, info, warning, error };
  void write(Level level, std::string_view text) noexcept;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy
