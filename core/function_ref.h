#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace convoy {

template <class Signature>
class FunctionRef;

/// Refers to something callable that must outlive it, such as a lambda in a call's arguments: what
/// std::function is to own it, without the heap.
template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <class Callable>
  requires(!std::same_as<std::remove_cvref_t<Callable>, FunctionRef> &&
           std::is_invocable_r_v<Result, const Callable&, Args...>) FunctionRef(const Callable& callable)
      : callable_(std::addressof(callable)), call_([](const void* called, Args... args) -> Result {
          return (*static_cast<const Callable*>(called))(std::forward<Args>(args)...);
        }) {}

  Result operator()(Args... args) const { return call_(callable_, std::forward<Args>(args)...); }

 private:
  const void* callable_;
  Result (*call_)(const void*, Args...);
};

}  // namespace convoy
