#pragma once

#include <span>
#include <vector>

#include "core/cuda/memory.h"

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

}  // namespace convoy::cuda::test
