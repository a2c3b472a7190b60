#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace convoy::config {

/// The bytes of a file, at most `most`. A pipe may be read too, but nobody waits for one into which nothing
/// is written for `patience`. Throws ConfigError.
std::string read_text_file(const std::string& path, std::size_t most,
                           std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace convoy::config
