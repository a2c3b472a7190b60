#include "launcher/engine.h"

namespace convoy {

std::int64_t EngineBlock::parameter_elements() const {
  std::int64_t elements = 0;
  for (const Op& op : ops)
    for (const ParameterRange& range : op.parameters) elements += range.shape.elements();
  return elements;
}

}  // namespace convoy
