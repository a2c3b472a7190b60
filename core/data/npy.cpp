#include "core/data/npy.h"

#include <algorithm>
#include <fmt/ranges.h>
#include <string_view>

#include "core/error.h"

namespace convoy {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLargestHeader = 4096;
constexpr std::int64_t kLargestExtent = std::int64_t{1} << 40;
constexpr std::size_t kMostAxes = 8;

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Header {
  std::string type;
  bool fortran_order = true;
  std::vector<std::int64_t> shape;
  bool has_shape = false;
};

/// Reads a header's text: a Python dictionary of a string, a boolean and a tuple of integers.
class HeaderParser {
 public:
  HeaderParser(const std::string& path, std::string_view text) : path_(path), rest_(text) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const auto key = string();
      expect(':');
      if (key == "descr") {
        header.type = string();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
        header.has_shape = true;
      } else {
        fail();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (!rest_.empty() || !header.has_shape || header.type.empty()) fail();
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    throw DataError("{}: has a .npy header that cannot be understood; save the array again with numpy.save",
                    path_);
  }
  void skip_spaces() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool accept(char wanted) {
    skip_spaces();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }
  std::string string() {
    skip_spaces();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) fail();
    const auto end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) fail();
    const std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }
  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    fail();
  }
  std::int64_t integer() {
    skip_spaces();
    std::int64_t value = 0;
    const std::size_t before = rest_.size();
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      value = value * 10 + (rest_.front() - '0');
      if (value > kLargestExtent) fail();
      rest_.remove_prefix(1);
    }
    if (rest_.size() == before) fail();
    return value;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      if (values.size() == kMostAxes) fail();
      values.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  const std::string& path_;
  std::string_view rest_;
};

/// The header's text, and the values behind it.
struct Parts {
  std::string_view header;
  std::span<const std::uint8_t> values;
};

Parts split(const std::string& path, std::span<const std::uint8_t> file) {
  constexpr std::size_t kVersionAt = 6, kSizeAt = 8;
  const int version = file.size() > kVersionAt ? file[kVersionAt] : 0;
  const std::size_t size_bytes = version == 1 ? 2 : 4;
  if (file.size() < kSizeAt + size_bytes) throw DataError("{}: is a truncated .npy file", path);
  if (version < 1 || version > 3)
    throw DataError("{}: is a .npy file of version {}, expected 1 to 3", path, version);
  std::size_t size = 0;
  for (std::size_t i = size_bytes; i-- > 0;) size = size << 8 | file[kSizeAt + i];
  const std::size_t start = kSizeAt + size_bytes;
  if (size > file.size() - start) throw DataError("{}: is a truncated .npy file", path);
  if (size > kLargestHeader)
    throw DataError("{}: has a .npy header of {} bytes, expected at most {}", path, size, kLargestHeader);
  return {as_text(file.subspan(start, size)), file.subspan(start + size)};
}

}  // namespace

bool is_npy(std::span<const std::uint8_t> file) { return as_text(file).starts_with(kMagic); }

NpyBytes parse_npy_bytes(const std::string& path, std::span<const std::uint8_t> file) {
  const auto [text, values] = split(path, file);
  auto header = HeaderParser(path, text).parse();
  if (header.type != "|u1" && header.type != "u1") {
    throw DataError(
        "{}: holds values of type '{}', expected '|u1': 8-bit pixels as they are before scaling; save "
        "array.astype(numpy.uint8)",
        path, header.type);
  }
  if (header.fortran_order) {
    throw DataError("{}: is in Fortran order, expected C order; save numpy.ascontiguousarray(array)", path);
  }
  // Divides instead of multiplying: a product of hostile extents may overflow.
  const bool empty = std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end();
  std::size_t count = empty ? 0 : values.size();
  bool fits = true;
  for (const std::int64_t extent : header.shape) {
    if (empty) break;
    fits = fits && count % static_cast<std::size_t>(extent) == 0;
    count /= static_cast<std::size_t>(extent);
  }
  if (empty ? !values.empty() : !fits || count != 1) {
    throw DataError("{}: has {} bytes after its header, which announces an array of [{}]; save it again",
                    path, values.size(), fmt::join(header.shape, ", "));
  }
  return {std::move(header.shape), values};
}

std::string npy_header(std::int64_t rows, std::int64_t columns) {
  auto text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  constexpr std::size_t kPrefix = 10, kBlock = 64;  // magic, version, size; NumPy aligns the values
  text.resize((kPrefix + text.size() + kBlock) / kBlock * kBlock - kPrefix, ' ');
  text.back() = '\n';
  std::string header(kMagic);
  header += {'\1', '\0', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace convoy
