#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace convoy {

/// Every view that a kernel sees starts at a multiple of this many bytes: a cache line, and the widest
/// vector.
inline constexpr std::size_t kAlignment = 64;

constexpr std::size_t align_up(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// One aligned, zeroed allocation of a fixed size. Pages are taken when they are first touched, on large
/// pages where the system has them: an arena of which a rank uses a part costs that part. Throws DeviceError,
/// naming the size, where memory does not suffice.
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::size_t bytes);

  std::size_t size() const { return size_; }
  std::byte* data() { return memory_.get(); }
  const std::byte* data() const { return memory_.get(); }
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(data()), size_ / sizeof(T)};
  }
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data()), size_ / sizeof(T)};
  }

 private:
  struct Free {
    std::size_t mapped;
    Free() : mapped(0) {}
    explicit Free(std::size_t bytes) : mapped(bytes) {}
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
};

}  // namespace convoy
