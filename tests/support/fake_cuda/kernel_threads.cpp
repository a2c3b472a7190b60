// How kernels that are compiled as C++ are started.
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <numeric>

#include "core/cuda/launch.h"
#include "tests/support/fake_cuda/machine.h"

namespace convoy::cuda::emulation {
namespace {

using fake_cuda::Threads;

/// i -> (i * factor + offset) mod n visits each of [0, n) once where factor and n have no common divisor.
class Turns : public ThreadOrder {
 public:
  Turns(Threads order, std::uint64_t seed) : order_(order), draw_(seed) {}

  void each(std::int64_t n, const std::function<void(std::int64_t)>& visit) override {
    if (order_ == Threads::forward) {
      for (std::int64_t i = 0; i < n; ++i) visit(i);
    } else if (order_ == Threads::backward) {
      for (std::int64_t i = n; i-- > 0;) visit(i);
    } else {
      shuffled(static_cast<std::uint64_t>(n), visit);
    }
  }

 private:
  void shuffled(std::uint64_t n, const std::function<void(std::int64_t)>& visit) {
    if (n == 0) return;
    std::uint64_t factor = draw_() % n;
    while (std::gcd(factor, n) != 1) factor = (factor + 1) % n;
    std::uint64_t at = draw_() % n;
    for (std::uint64_t i = 0; i < n; ++i, at = (at + factor) % n) visit(static_cast<std::int64_t>(at));
  }

  Threads order_;
  std::mt19937_64 draw_;
};

/// "AddBias" of "…convoy::cuda::launch<convoy::cuda::AddBias>(…)::{lambda…}".
std::string kernel_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  std::string name = status == 0 ? text.get() : "kernel";
  if (const auto at = name.find("launch"); at != std::string::npos)
    name = name.substr(name.find('<', at) + 1);
  constexpr std::string_view kUnnamed = "(anonymous namespace)::";
  for (auto at = name.find(kUnnamed); at != std::string::npos; at = name.find(kUnnamed))
    name.erase(at, kUnnamed.size());
  name = name.substr(0, name.find_first_of("<>,("));
  return name.substr(name.rfind(':') + 1);
}

}  // namespace

cudaError_t enqueue_kernel(cudaStream_t stream, std::function<void(ThreadOrder&)> kernel) {
  const std::unique_lock lock(fake_cuda::machine_mutex());
  fake_cuda::State* state = fake_cuda::machine();
  if (!state) return cudaErrorInsufficientDriver;
  std::string name = kernel_name(kernel.target_type());
  if (fake_cuda::begin_call(("launch of " + name).c_str())) return cudaErrorLaunchFailure;
  const auto& options = state->options;
  return fake_cuda::enqueue(stream, std::move(name),
                            [kernel = std::move(kernel), threads = options.threads, seed = options.seed] {
                              Turns turns(threads, seed);
                              kernel(turns);
                            });
}

}  // namespace convoy::cuda::emulation
