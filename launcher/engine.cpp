#include "launcher/engine.h"

namespace convoy {

Engine::Engine(const Model& model, const Options& options)
    : isa_(options.isa),
      backend_(loops_of(isa_)),
      pool_(options.threads, flush_denormals),
      network_(model, backend_, options.kernels, options.precision) {}

}  // namespace convoy
