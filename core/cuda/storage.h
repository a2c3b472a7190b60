#pragma once

#include "core/cuda/bfloat16.h"
#include "core/cuda/device_kernel.h"

namespace convoy::cuda {

/// Bytes of an element.
constexpr std::size_t size_of(Storage storage) {
  return storage == Storage::bfloat16 ? sizeof(BFloat16) : sizeof(float);
}

/// Calls run(T()) with the element type of a storage.
template <class Run>
void with_storage(Storage storage, const Run& run) {
  if (storage == Storage::bfloat16)
    run(BFloat16());
  else
    run(float());
}

}  // namespace convoy::cuda
