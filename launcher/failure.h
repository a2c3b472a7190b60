#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace convoy {

/// Why a run failed, for people and for whatever restarts it.
struct Failure {
  ExitCode code = ExitCode::defect;
  std::string message;
  int rank = 0;  ///< that failed; of a stall, that noticed it
  std::string host;
  std::int64_t step = 0;  ///< steps done
  std::string phase;      ///< "starting", "saving, or waiting for other ranks", …

  friend bool operator==(const Failure&, const Failure&) = default;
};

/// What an exception that reaches the top ends the process with: an Error's own code; memory that is not
/// there is a device's failure, everything unforeseen a defect.
ExitCode exit_code_of(const std::exception& error);
std::string message_of(const std::exception& error);

/// "config", "communication", …
std::string_view kind_of(ExitCode code);

/// Writes failure.json: {"exit_code", "kind", "message", "rank", "host", "step", "phase"}. One that is there
/// already stays: it came first. Only a failed communication gives way, because it is what the other ranks
/// see of any failure. Called while everything falls, so it reports nothing: false where it wrote nothing.
bool write_failure(const std::filesystem::path& path, const Failure& failure) noexcept;

/// Nothing where there is no such file, or none that write_failure() wrote.
std::optional<Failure> read_failure(const std::filesystem::path& path);

}  // namespace convoy
