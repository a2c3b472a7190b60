#include "core/config/text_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace convoy::config {
namespace {

ConfigError unreadable(const std::string& path) {
  return ConfigError("{}: cannot read the config: {}; check the path", path, system_error_text());
}

/// Without O_NONBLOCK, opening a named pipe would wait for its writer.
FileDescriptor open_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw unreadable(path);
  if (S_ISDIR(status.st_mode))
    throw ConfigError("{}: is a directory; give the config's file, of a run {}/resolved.yaml", path, path);
  return file;
}

}  // namespace

std::string read_text_file(const std::string& path, std::size_t most, std::chrono::milliseconds patience) {
  const FileDescriptor file = open_file(path);
  std::string text(most, '\0');
  std::size_t size = 0;
  while (size < most) {
    pollfd ready{file.get(), POLLIN, 0};
    const int events = ::poll(&ready, 1, static_cast<int>(patience.count()));
    if (events == 0)
      throw ConfigError("{}: a pipe into which nothing is written; give a file, or end what should write",
                        path);
    const ssize_t count = events < 0 ? -1 : ::read(file.get(), text.data() + size, most - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR && errno != EAGAIN) throw unreadable(path);
    if (count > 0) size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

}  // namespace convoy::config
