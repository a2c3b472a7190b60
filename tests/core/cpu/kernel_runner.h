#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/backend.h"

namespace convoy::test {

/// One slice's tensors as numbers, whatever type the kernel under test works in.
struct Numbers {
  std::vector<double> input;
  std::vector<std::vector<double>> parameters;
  std::vector<double> batch_values;
  std::vector<double> grad_output;
};

/// What a kernel made of them.
struct Results {
  std::vector<double> output;
  std::vector<double> grad_input;
  std::vector<std::vector<double>> grad_parameters;
  std::vector<double> forward_record;
  std::vector<double> backward_record;

  friend bool operator==(const Results&, const Results&) = default;
};

/// How run() calls the kernel.
struct RunOptions {
  bool training = true;  ///< false: forward alone
  bool want_grad_input = true;
  RandomPoint random{.seed = 7, .step = 3, .first_position = 5};
};

/// Random inputs for a block, every one exactly a float. Values of an input are spread over [-2, 2).
Numbers draw_numbers(std::span<const Op> block, std::int64_t samples, std::uint32_t draw);

/// A kernel that is planned and prepared: what several threads may share. T is the kernel's element type.
template <class T>
class PreparedRun {
 public:
  PreparedRun(Kernel& kernel, std::span<const Op> block, std::int64_t samples, const Numbers& numbers,
              const RunOptions& options = {});

  /// Forward and backward, and the weight gradient where that is deferred. Fails the current test where the
  /// kernel writes outside its buffers or changes its input.
  Results run() const;
  /// The same for several slices in one call. All share the first one's kernel.
  static std::vector<Results> run_together(std::span<const PreparedRun> runs);

 private:
  struct Slice;
  void form_in_parts(const BackwardArgs& args, T* gradient) const;

  Kernel& kernel_;
  std::int64_t samples_;
  std::int64_t outputs_;
  Shape weights_;  ///< of the first parameter
  Numbers numbers_;
  RunOptions options_;
};

/// PreparedRun(...).run()
template <class T>
Results run(Kernel& kernel, std::span<const Op> block, std::int64_t samples, const Numbers& numbers,
            const RunOptions& options = {});

/// Expects |actual - expected| <= tolerance * the largest |expected| (or 1 where all are smaller than that).
void expect_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance,
                  const char* what);
void expect_close(const Results& actual, const Results& expected, double tolerance);

}  // namespace convoy::test
