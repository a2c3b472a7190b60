#include "launcher/engine.h"

namespace convoy {

Engine::Engine(const Model& model, const Options& options)
    : backend_(loops_of(options.isa)),
      pool_(options.threads, flush_denormals),
      network_(model, backend_, options.kernels) {}

}  // namespace convoy
