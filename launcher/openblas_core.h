#pragma once

namespace convoy {

/// OpenBLAS chooses its kernels when the program is loaded, and falls back to its oldest ones on processors
/// that are newer than itself. Where that has happened, starts this program anew, in the same process, with
/// OPENBLAS_CORETYPE set to the kernels of the widest instruction set there is; a variable that is set
/// already is left alone, and ends the matter. Call it first of all: before MPI, which does not survive it,
/// and before the config is read, so distributed.cpu_isa has no part in it. Returns where there is nothing to
/// do.
void restart_with_openblas_core(char** argv);

}  // namespace convoy
