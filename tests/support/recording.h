#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace convoy::testing {

/// What scripts/record_reference.py wrote: tests/data/<name>.safetensors. Trusts the file.
class Recording {
 public:
  explicit Recording(const std::string& name) {
    const std::string path = std::string(CONVOY_TEST_DATA) + "/" + name + ".safetensors";
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    std::uint64_t header = 0;
    std::memcpy(&header, bytes_.data(), sizeof header);
    tensors_ = nlohmann::json::parse(bytes_.substr(sizeof header, header));
    data_ = sizeof header + header;
    cases_ = nlohmann::json::parse(tensors_["__metadata__"]["cases"].get<std::string>());
    tensors_.erase("__metadata__");
  }

  /// A list of objects with a `name`.
  const nlohmann::json& cases() const { return cases_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const { return tensors_.at(name).at("shape"); }

  /// A tensor's elements as T, whatever type they have.
  template <class T>
  std::vector<T> values(const std::string& name) const {
    const std::string type = tensors_.at(name).at("dtype");
    if (type == "F32") return convert<float, T>(name);
    if (type == "F64") return convert<double, T>(name);
    return convert<std::int32_t, T>(name);
  }

 private:
  template <class From, class To>
  std::vector<To> convert(const std::string& name) const {
    const std::size_t begin = tensors_.at(name).at("data_offsets")[0],
                      end = tensors_.at(name).at("data_offsets")[1];
    std::vector<From> stored((end - begin) / sizeof(From));
    std::memcpy(stored.data(), bytes_.data() + data_ + begin, end - begin);
    std::vector<To> values(stored.size());
    std::transform(stored.begin(), stored.end(), values.begin(),
                   [](From value) { return static_cast<To>(value); });
    return values;
  }

  std::string bytes_;
  std::size_t data_ = 0;
  nlohmann::json tensors_;
  nlohmann::json cases_;
};

}  // namespace convoy::testing
