#include "core/cuda/kernels/layout.h"
#include "core/cuda/launch.h"
#include "core/cuda/storage.h"

namespace convoy::cuda {

namespace {

/// Element i of KRSC in HWIO.
CONVOY_DEVICE inline std::int64_t place_in_hwio(const FilterShape& shape, std::int64_t i) {
  const std::int64_t taps = shape.height * shape.width * shape.in;
  return i % taps * shape.out + i / taps;
}

template <class T>
struct ToKrsc {
  FilterShape shape;
  const float* hwio;
  T* krsc;
  CONVOY_DEVICE void operator()(std::int64_t i) const { krsc[i] = T(hwio[place_in_hwio(shape, i)]); }
};

struct ToHwio {
  FilterShape shape;
  const float* krsc;
  float* hwio;
  CONVOY_DEVICE void operator()(std::int64_t i) const { hwio[place_in_hwio(shape, i)] = krsc[i]; }
};

template <class T>
struct Store {
  const float* from;
  T* to;
  CONVOY_DEVICE void operator()(std::int64_t i) const { to[i] = T(from[i]); }
};

template <class T>
struct Widen {
  const T* from;
  float* to;
  CONVOY_DEVICE void operator()(std::int64_t i) const { to[i] = static_cast<float>(from[i]); }
};

}  // namespace

void to_krsc(const Stream& stream, Storage storage, const FilterShape& shape, const float* hwio, void* krsc) {
  with_storage(storage, [&]<class T>(T) {
    launch(stream, shape.elements(), ToKrsc<T>{shape, hwio, static_cast<T*>(krsc)});
  });
}

void to_hwio(const Stream& stream, const FilterShape& shape, const float* krsc, float* hwio) {
  launch(stream, shape.elements(), ToHwio{shape, krsc, hwio});
}

void store(const Stream& stream, Storage storage, std::int64_t n, const float* from, void* to) {
  with_storage(storage, [&]<class T>(T) { launch(stream, n, Store<T>{from, static_cast<T*>(to)}); });
}

void widen(const Stream& stream, Storage storage, std::int64_t n, const void* from, float* to) {
  with_storage(storage, [&]<class T>(T) { launch(stream, n, Widen<T>{static_cast<const T*>(from), to}); });
}

}  // namespace convoy::cuda
