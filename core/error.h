#pragma once

#include <fmt/format.h>
#include <stdexcept>
#include <string>
#include <utility>

namespace convoy {

/// What the process returns. Scripts rely on these numbers.
enum class ExitCode : int {
  ok = 0,
  difference = 1,
  config = 2,
  data = 3,
  communication = 4,
  device = 5,
  numeric = 6,
  checkpoint = 7,
  defect = 8,
  stopped = 75,
};

/// Every failure that Convoy foresees. `what()` is one message for the user: what is wrong, where, and what
/// to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// One class a kind, so that callers can catch what they can handle. Arguments are those of fmt::format.
template <ExitCode kCode>
class ErrorOf : public Error {
 public:
  template <class... Args>
  explicit ErrorOf(fmt::format_string<Args...> text, Args&&... args)
      : Error(kCode, fmt::format(text, std::forward<Args>(args)...)) {}
};

using ConfigError = ErrorOf<ExitCode::config>;
using DataError = ErrorOf<ExitCode::data>;
using CommError = ErrorOf<ExitCode::communication>;
using DeviceError = ErrorOf<ExitCode::device>;
using NumericError = ErrorOf<ExitCode::numeric>;
using CheckpointError = ErrorOf<ExitCode::checkpoint>;
using DefectError = ErrorOf<ExitCode::defect>;

/// States what must hold whatever the user does; a violation is a defect of Convoy.
inline void require(bool condition, const char* what) {
  if (!condition) throw DefectError("internal error: {}; please report it", what);
}

}  // namespace convoy
