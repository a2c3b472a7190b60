#pragma once

#include "core/data/input_pipeline.h"
#include "layers/executor.h"

namespace convoy {

/// The samples of a split as they are, in its order.
class SplitSource : public SliceSource {
 public:
  /// The pipeline must outlive the source.
  explicit SplitSource(const InputPipeline& pipeline) : pipeline_(pipeline) {}
  void fill(std::int64_t first, std::int64_t samples, float* input, std::int32_t* labels) const override {
    pipeline_.fill_evaluation({first, first + samples}, input, labels);
  }

 private:
  const InputPipeline& pipeline_;
};

}  // namespace convoy
