#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy::config {

/// What came of reading a number; `problem` is empty if all went well, else "what; what to do" without the
/// expectation:
/// "'1.5' is not an integer".
template <class T>
struct Parsed {
  T value{};
  std::string problem;
};

/// Decimal digits with a sign. "1e6" counts where it is whole; "010", "0x10" and "1_000" are refused, because
/// YAML versions read them differently.
Parsed<std::int64_t> parse_int64(std::string_view text);
Parsed<std::uint64_t> parse_uint64(std::string_view text);
/// A finite decimal number, "2.5e-4", or a fraction of two, "1/255".
Parsed<double> parse_number(std::string_view text);

/// The shortest text that parse_number reads back as the same bits.
std::string write_number(double value);

}  // namespace convoy::config
