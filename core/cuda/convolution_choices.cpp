#include "core/cuda/convolution_choices.h"

#include <array>
#include <fmt/format.h>
#include <string_view>

namespace convoy::cuda {

namespace {

// In the order of cuDNN's enumerations.
constexpr std::array<std::string_view, 8> kForward = {
    "implicit GEMM", "implicit GEMM with precomputed indices",
    "GEMM",          "direct",
    "FFT",           "tiled FFT",
    "Winograd",      "Winograd, not fused"};
constexpr std::array<std::string_view, 6> kBackwardData = {
    "algorithm 0", "algorithm 1", "FFT", "tiled FFT", "Winograd", "Winograd, not fused"};
constexpr std::array<std::string_view, 7> kBackwardFilter = {
    "algorithm 0", "algorithm 1", "FFT", "algorithm 3", "Winograd", "Winograd, not fused", "tiled FFT"};

std::string name(std::span<const std::string_view> names, std::int32_t algorithm) {
  const auto place = static_cast<std::size_t>(algorithm);
  return place < names.size() ? std::string(names[place]) : fmt::format("algorithm {}", algorithm);
}

}  // namespace

std::string describe(const ConvolutionAlgorithms& algorithms) {
  return fmt::format("forward {}; backward data {}; backward filter {}", name(kForward, algorithms.forward),
                     name(kBackwardData, algorithms.backward_data),
                     name(kBackwardFilter, algorithms.backward_filter));
}

const ConvolutionAlgorithms* ConvolutionChoices::find(std::int64_t kernel_offset,
                                                      std::int64_t samples) const {
  const auto found = choices_.find({kernel_offset, samples});
  return found == choices_.end() ? nullptr : &found->second;
}

void ConvolutionChoices::add(const ConvolutionChoice& choice) {
  choices_[{choice.kernel_offset, choice.samples}] = choice.algorithms;
}

void ConvolutionChoices::add(std::span<const ConvolutionChoice> choices) {
  for (const ConvolutionChoice& choice : choices) add(choice);
}

std::vector<ConvolutionChoice> ConvolutionChoices::all() const {
  std::vector<ConvolutionChoice> all;
  all.reserve(choices_.size());
  for (const auto& [of, algorithms] : choices_) all.push_back({of.first, of.second, algorithms});
  return all;
}

}  // namespace convoy::cuda
