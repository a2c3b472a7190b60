#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"

namespace convoy {

/// Memory that processes of one host map under one name, zeroed at first. Whoever maps it holds a lock on it,
/// which the system lets go of when the process ends, however it ends: a segment without one is stale.
class SharedMemory {
 public:
  /// A new segment; `kind` becomes part of its name, "/convoy.USER.KIND.PROCESS.TIME". Only this user's
  /// processes can open it. Its memory is not there before reserve(). Throws DeviceError.
  static SharedMemory create(std::string_view kind, std::size_t bytes);
  /// One that create() has made, of so many bytes, on this host. Throws DeviceError.
  static SharedMemory open(const std::string& name, std::size_t bytes);
  /// Removes the segments of this user and kind that no process maps any more. What cannot be removed stays.
  static void remove_stale(std::string_view kind) noexcept;

  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  const std::string& name() const { return name_; }
  /// To be touched only where some process has reserved it: anything else may end the process.
  std::span<std::byte> bytes() const { return {data_, size_}; }
  /// Takes the memory of a part: near the calling thread's processor, where the machine has several. Throws
  /// DeviceError where the host has none left.
  void reserve(std::size_t begin, std::size_t bytes);
  /// Takes the name away, as the destructor does where this object has created the segment. The memory stays
  /// until the last process has let go of it.
  void unlink() noexcept;

 private:
  SharedMemory(std::string name, FileDescriptor file, bool created);
  void map(std::size_t bytes);

  std::string name_;
  FileDescriptor file_;
  bool named_ = false;  ///< whether the destructor takes the name away
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace convoy
