#include "launcher/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <set>

namespace convoy {
namespace {

constexpr std::size_t kMostAxes = 16;

/// Walks {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key":
/// "value"}}: a fixed depth, so that hostile nesting ends at its first wrong bracket.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (place_ == Place::before) return go(Place::names);
    if (place_ == Place::entry) return go(Place::fields);
    if (place_ == Place::metadata) return go(Place::metadata_keys);
    return unexpected("an object");
  }

  bool key(std::string& name) override {
    if (place_ == Place::names) return begin_entry(name);
    if (place_ == Place::metadata_keys) {
      key_ = name;
      if (header_.metadata.contains(name)) fail("duplicate metadata key {}", quoted_name(name));
      return go(Place::metadata_value);
    }
    if (!fields_.insert(name).second) fail("tensor {}: duplicate field {}", entry(), quoted_name(name));
    if (name == "dtype") return go(Place::type);
    if (name == "shape") return go(Place::shape);
    if (name == "data_offsets") return go(Place::offsets);
    fail("tensor {}: unknown field {}", entry(), quoted_name(name));
  }

  bool end_object() override {
    if (place_ == Place::names) return go(Place::after);
    if (place_ == Place::metadata_keys) return go(Place::names);
    if (fields_.size() != 3) fail("tensor {}: one of dtype, shape, data_offsets is missing", entry());
    return go(Place::names);
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape) return go(Place::extents);
    if (place_ == Place::offsets) return go(Place::offset_values);
    return unexpected("a list");
  }

  bool end_array() override {
    if (place_ == Place::offset_values && offsets_seen_ != 2)
      fail("tensor {}: needs two data_offsets", entry());
    return go(Place::fields);
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ == Place::extents) {
      auto& shape = header_.entries.back().shape;
      if (shape.size() == kMostAxes) fail("tensor {}: more than {} axes", entry(), kMostAxes);
      if (value > std::uint64_t{INT64_MAX}) fail("tensor {}: an extent of {} is too large", entry(), value);
      shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (place_ == Place::offset_values) {
      if (offsets_seen_ == 2) fail("tensor {}: needs two data_offsets", entry());
      header_.entries.back().offsets.at(offsets_seen_++) = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(std::string& value) override {
    if (place_ == Place::type) {
      header_.entries.back().type = value;
      return go(Place::fields);
    }
    if (place_ == Place::metadata_value) {
      header_.metadata[key_] = value;
      return go(Place::metadata_keys);
    }
    return unexpected("a text");
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(std::int64_t) override { return unexpected("a negative number"); }
  bool number_float(double, const std::string&) override {
    return unexpected("a number that is no 64-bit integer");
  }
  bool binary(nlohmann::json::binary_t&) override { return unexpected("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("no valid JSON at byte {} of the header", position);
  }

 private:
  enum class Place {
    before,
    names,
    entry,
    fields,
    type,
    shape,
    extents,
    offsets,
    offset_values,
    metadata,
    metadata_keys,
    metadata_value,
    after,
  };

  bool go(Place next) {
    place_ = next;
    return true;
  }

  bool begin_entry(const std::string& name) {
    if (!names_.insert(name).second) fail("duplicate tensor {}", quoted_name(name));
    if (name == "__metadata__") return go(Place::metadata);
    header_.entries.push_back({.name = name, .type = {}, .shape = {}});
    fields_.clear();
    offsets_seen_ = 0;
    return go(Place::entry);
  }

  std::string entry() const { return quoted_name(header_.entries.back().name); }

  template <class... Args>
  [[noreturn]] static void fail(fmt::format_string<Args...> text, Args&&... args) {
    throw CheckpointError("{}", fmt::format(text, std::forward<Args>(args)...));
  }
  [[noreturn]] bool unexpected(const char* what) const {
    if (header_.entries.empty()) fail("the header holds {} where the format has none", what);
    fail("the header holds {} where the format has none, at or after tensor {}", what, entry());
  }

  Place place_ = Place::before;
  Header header_;
  std::set<std::string> names_;
  std::set<std::string> fields_;
  std::string key_;
  std::size_t offsets_seen_ = 0;
};

}  // namespace

Header parse_safetensors_header(std::string_view json) {
  if (!json.starts_with('{')) throw CheckpointError("the header is no valid JSON: it must begin with {{");
  HeaderHandler handler;
  nlohmann::json::sax_parse(json.begin(), json.end(), &handler);
  return handler.take();
}

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kMost = 80;
  if (name.size() <= kMost) return fmt::format("{:?}", name);
  return fmt::format("{:?}…", name.substr(0, kMost));
}

}  // namespace convoy
