#pragma once

#include <filesystem>
#include <string>
#include <unistd.h>

#include "launcher/atomic_file.h"
#include "tests/support/temporary_directory.h"

namespace convoy::test {

/// A pipe whose reading end collects what was written.
class Captured {
 public:
  Captured() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    reading_ = FileDescriptor(ends[0]);
    writing_ = FileDescriptor(ends[1]);
  }
  int descriptor() const { return writing_.get(); }
  /// What has been written since the last call.
  std::string take() {
    // A mark of our own, so that reading never waits.
    const char mark = '\0';
    if (::write(writing_.get(), &mark, 1) != 1) return "";
    std::string text;
    for (char next = 0; ::read(reading_.get(), &next, 1) == 1 && next != '\0';) text += next;
    return text;
  }

 private:
  FileDescriptor reading_;
  FileDescriptor writing_;
};

}  // namespace convoy::test
