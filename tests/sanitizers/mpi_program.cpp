// Linked into sanitized programs that run MPI, so that leaks.txt recognises Open MPI's own leaks by their
// frames.

/// Keeps libraries loaded when they are closed: Open MPI closes its plugins in MPI_Finalize, before leaks are
/// looked for, and frames of libraries that are gone have no names.
extern "C" __attribute__((visibility("default"))) int dlclose(void*) { return 0; }

/// Unwinds by call frame information: libraries are compiled without frame pointers.
extern "C" const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }
