#include "core/config/scalar.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <type_traits>

namespace convoy::config {
namespace {

bool is_decimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text.front() == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

Parsed<double> parse_decimal(std::string_view text) {
  const std::string_view digits = without_plus(text);
  double value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (!is_decimal(digits) || status == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return {0, fmt::format("'{}' is not a number", text)};
  }
  if (status == std::errc::result_out_of_range)
    return {0, fmt::format("'{}' does not fit a 64-bit float", text)};
  return {value, ""};
}

/// "1e6": whole numbers in exponent notation.
template <class T>
Parsed<T> parse_exponent(std::string_view text) {
  const Parsed<double> number = parse_decimal(text);
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  const bool whole = number.problem.empty() && number.value == std::floor(number.value);
  if (!whole || text.find('.') != std::string_view::npos)
    return {0, fmt::format("'{}' is not an integer", text)};
  if (std::abs(number.value) > kLargestExact)
    return {0, fmt::format("'{}' does not fit; write its digits out", text)};
  if (std::is_unsigned_v<T> && number.value < 0) return {0, fmt::format("'{}' is negative", text)};
  return {static_cast<T>(number.value), ""};
}

template <class T>
Parsed<T> parse_integer(std::string_view text) {
  const std::string_view digits = without_plus(text);
  T value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole_text = end == digits.data() + digits.size();
  if (whole_text && status == std::errc::result_out_of_range) {
    return {0, fmt::format("'{}' does not fit a 64-bit integer", text)};
  }
  if (!whole_text || status != std::errc()) {
    if (is_decimal(text)) return parse_exponent<T>(text);
    return {0, fmt::format("'{}' is not an integer", text)};
  }
  const std::string_view magnitude = digits.substr(digits.front() == '-' ? 1 : 0);
  if (magnitude.size() > 1 && magnitude.front() == '0') {
    return {0, fmt::format("'{}' starts with a zero, which may mean octal", text)};
  }
  return {value, ""};
}

}  // namespace

Parsed<std::int64_t> parse_int64(std::string_view text) { return parse_integer<std::int64_t>(text); }
Parsed<std::uint64_t> parse_uint64(std::string_view text) { return parse_integer<std::uint64_t>(text); }

Parsed<double> parse_number(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_decimal(text);
  const Parsed<double> above = parse_decimal(text.substr(0, slash));
  const Parsed<double> below = parse_decimal(text.substr(slash + 1));
  if (!above.problem.empty() || !below.problem.empty()) return {0, fmt::format("'{}' is not a number", text)};
  if (below.value == 0) return {0, fmt::format("'{}' divides by zero", text)};
  const double value = above.value / below.value;
  if (!std::isfinite(value)) return {0, fmt::format("'{}' does not fit a 64-bit float", text)};
  return {value, ""};
}

std::string write_number(double value) {
  char buffer[64];
  const auto [end, status] = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text = status == std::errc() ? std::string(buffer, end) : fmt::format("{}", value);
  // YAML 1.1, which many programs read, takes 1e-07 for text.
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

}  // namespace convoy::config
