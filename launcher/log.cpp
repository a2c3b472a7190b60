#include "launcher/log.h"

#include <mutex>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "core/error.h"

namespace convoy {
namespace {

/// "text", "warning: text", "error: text"
class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(Terminal& terminal) : terminal_(terminal) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    switch (message.level) {
      case spdlog::level::warn:
        return terminal_.print(fmt::format("warning: {}", text));
      case spdlog::level::err:
        return terminal_.print(fmt::format("error: {}", text));
      default:
        return terminal_.print(text);
    }
  }
  void flush_() override {}

  Terminal& terminal_;
};

}  // namespace

struct Log::Impl {
  Impl(Terminal& screen, Options given)
      : options(given), terminal(screen), logger("convoy", std::make_shared<TerminalSink>(screen)) {}

  Options options;
  Terminal& terminal;
  spdlog::logger logger;
};

Log::Log(Terminal& terminal, Options options) : impl_(std::make_unique<Impl>(terminal, options)) {
  const auto shown = options.rank != 0 ? spdlog::level::err
                     : options.quiet   ? spdlog::level::warn
                                       : spdlog::level::info;
  impl_->logger.sinks().front()->set_level(shown);
  impl_->logger.set_level(spdlog::level::debug);
  impl_->logger.flush_on(spdlog::level::debug);
  impl_->logger.set_error_handler([&terminal, complained = false](const std::string& what) mutable {
    if (!std::exchange(complained, true)) terminal.print("warning: lines of the log are lost: " + what);
  });
}

Log::~Log() = default;

void Log::open_file(const std::filesystem::path& path) {
  if (impl_->options.rank != 0) return;
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    impl_->logger.sinks().push_back(std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    throw CheckpointError(
        "cannot write the log: {}; make it writable, or choose another place with --run-dir", error.what());
  }
}

void Log::write(Level level, std::string_view text) noexcept {
  static constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                      spdlog::level::err};
  const spdlog::level::level_enum to = kLevels[static_cast<std::size_t>(level)];
  if (level == Level::error && impl_->options.ranks > 1) {
    impl_->logger.log(to, "rank {}: {}", impl_->options.rank, text);
  } else {
    impl_->logger.log(to, "{}", text);
  }
}

}  // namespace convoy
