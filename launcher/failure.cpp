#include "launcher/failure.h"

#include <fstream>
#include <iterator>
#include <new>
#include <nlohmann/json.hpp>

#include "launcher/atomic_file.h"

namespace convoy {

ExitCode exit_code_of(const std::exception& error) {
  if (const auto* foreseen = dynamic_cast<const Error*>(&error)) return foreseen->code();
  return dynamic_cast<const std::bad_alloc*>(&error) ? ExitCode::device : ExitCode::defect;
}

std::string message_of(const std::exception& error) {
  return dynamic_cast<const std::bad_alloc*>(&error) ? "out of memory" : error.what();
}

std::string_view kind_of(ExitCode code) {
  switch (code) {
    case ExitCode::ok:
      return "ok";
    case ExitCode::difference:
      return "difference";
    case ExitCode::config:
      return "config";
    case ExitCode::data:
      return "data";
    case ExitCode::communication:
      return "communication";
    case ExitCode::device:
      return "device";
    case ExitCode::numeric:
      return "numeric";
    case ExitCode::checkpoint:
      return "checkpoint";
    case ExitCode::defect:
      return "defect";
    case ExitCode::stopped:
      return "stopped";
  }
  return "unknown";
}

bool write_failure(const std::filesystem::path& path, const Failure& failure) noexcept {
  try {
    const auto earlier = read_failure(path);
    if (earlier && earlier->code != ExitCode::communication) return false;
    const nlohmann::ordered_json json{{"exit_code", static_cast<int>(failure.code)},
                                      {"kind", kind_of(failure.code)},
                                      {"message", failure.message},
                                      {"rank", failure.rank},
                                      {"host", failure.host},
                                      {"step", failure.step},
                                      {"phase", failure.phase}};
    // A message may quote bytes of a file that are no UTF-8.
    using Json = nlohmann::ordered_json;
    write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::optional<Failure> read_failure(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const auto json = nlohmann::json::parse(text);
    return Failure{static_cast<ExitCode>(json.at("exit_code").get<int>()),
                   json.at("message").get<std::string>(),
                   json.at("rank").get<int>(),
                   json.at("host").get<std::string>(),
                   json.at("step").get<std::int64_t>(),
                   json.at("phase").get<std::string>()};
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace convoy
