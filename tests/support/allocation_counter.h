#pragma once

#include <cstdint>
#include <string>

namespace convoy::testing {

/// Counts what the process takes from the heap while an object of this type lives; one at a time. For
/// programs that are linked with allocation_counter.cpp, whose malloc takes the place of the C library's: so
/// C++'s new and all libraries are counted, in all threads. Not under sanitizers, which have a malloc of
/// their own.
class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  std::int64_t allocations() const;
  /// How much more is allocated now than when counting began.
  std::int64_t growth_bytes() const;
  /// From where it was allocated: the first few call stacks that differ.
  std::string stacks() const;
};

/// Leaves out what this thread allocates while an object of this type lives.
class Uncounted {
 public:
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};

}  // namespace convoy::testing
