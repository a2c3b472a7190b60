#pragma once

#include "core/config/experiment.h"

namespace convoy::config {

/// Rules that span several keys. Looks only at what has no error yet.
void check_experiment(const Experiment& experiment, const Capabilities& capabilities,
                      Diagnostics& diagnostics);

}  // namespace convoy::config
