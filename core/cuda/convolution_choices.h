#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace convoy::cuda {

/// By which algorithms cuDNN computes a convolution: the numbers of cudnnConvolutionFwdAlgo_t,
/// cudnnConvolutionBwdDataAlgo_t and cudnnConvolutionBwdFilterAlgo_t.
struct ConvolutionAlgorithms {
  std::int32_t forward = 0, backward_data = 0, backward_filter = 0;

  friend bool operator==(const ConvolutionAlgorithms&, const ConvolutionAlgorithms&) = default;
};

/// "forward implicit GEMM; backward data algorithm 1; backward filter Winograd, not fused"
std::string describe(const ConvolutionAlgorithms& algorithms);

/// The algorithms of one convolution for slices of so many samples. May be sent as bytes.
struct ConvolutionChoice {
  std::int64_t kernel_offset = 0;  ///< names the convolution: where its kernel begins among the parameters
  std::int64_t samples = 0;
  ConvolutionAlgorithms algorithms;

  friend bool operator==(const ConvolutionChoice&, const ConvolutionChoice&) = default;
};

/// All choices of a run. One rank plans its convolutions and tells the others, who add what they are told
/// before they plan theirs: a choice that is here is kept to.
class ConvolutionChoices {
 public:
  /// Null where there is none yet.
  const ConvolutionAlgorithms* find(std::int64_t kernel_offset, std::int64_t samples) const;
  /// Replaces a choice that is there.
  void add(const ConvolutionChoice& choice);
  void add(std::span<const ConvolutionChoice> choices);
  /// In the order of kernel offsets and samples.
  std::vector<ConvolutionChoice> all() const;

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, ConvolutionAlgorithms> choices_;
};

}  // namespace convoy::cuda
