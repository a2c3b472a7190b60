#pragma once

#include <span>
#include <vector>

#include "core/cuda/memory.h"
#include "core/cuda/storage.h"

namespace convoy::cuda::test {

template <class T>
DeviceMemory on_device(const std::vector<T>& values) {
  DeviceMemory memory(values.size() * sizeof(T));
  upload(memory.data(), std::as_bytes(std::span(values)));
  return memory;
}

template <class T>
std::vector<T> on_host(const DeviceMemory& memory) {
  std::vector<T> values(memory.size() / sizeof(T));
  download(std::as_writable_bytes(std::span(values)), memory.data());
  return values;
}

/// Numbers on the device, in a storage, and back.
template <class T>
DeviceMemory in_storage(const std::vector<T>& values, Storage storage) {
  if (storage == Storage::bfloat16) {
    std::vector<BFloat16> rounded;
    for (const T value : values) rounded.emplace_back(static_cast<float>(value));
    return on_device(rounded);
  }
  return on_device(std::vector<float>(values.begin(), values.end()));
}
inline std::vector<double> from_storage(const DeviceMemory& memory, Storage storage) {
  std::vector<double> values;
  if (storage == Storage::bfloat16)
    for (const BFloat16 value : on_host<BFloat16>(memory))
      values.push_back(static_cast<double>(float{value}));
  else
    for (const float value : on_host<float>(memory)) values.push_back(static_cast<double>(value));
  return values;
}

}  // namespace convoy::cuda::test
