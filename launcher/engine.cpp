#include "launcher/engine.h"

#include "core/cpu/libraries.h"

namespace convoy {

namespace {

Isa pinned(Isa isa) {
  pin_libraries(isa);
  return isa;
}

}  // namespace

Engine::Engine(const Model& model, const Options& options)
    : isa_(pinned(options.isa)),
      backend_(loops_of(isa_)),
      pool_(options.threads, flush_denormals),
      network_(model, backend_, options.kernels) {}

}  // namespace convoy
