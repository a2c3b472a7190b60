#pragma once

#include <utility>

namespace convoy::cuda {

/// Owns a handle of a C library: `T` is a pointer type, `Destroy` what gives it back (it must not throw).
/// Only one object owns a handle.
template <class T, void (*Destroy)(T) noexcept>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T value) : value_(value) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      value_ = std::exchange(other.value_, nullptr);
    }
    return *this;
  }

  T get() const { return value_; }
  explicit operator bool() const { return value_ != nullptr; }
  void reset() noexcept {
    if (value_) Destroy(std::exchange(value_, nullptr));
  }

 private:
  T value_ = nullptr;
};

}  // namespace convoy::cuda
