#pragma once

#include "launcher/emergency_record.h"

namespace convoy {

/// From here on, a read past the end of a mapped file (it was truncated under the run, or its disk cannot be
/// read) ends the process with one line that names the file and ExitCode::data, and a write for which a
/// shared-memory file system has no room with ExitCode::device; mpirun then ends the other ranks. Any other
/// SIGBUS stays what it is. Call it after MPI's start, which installs handlers of its own.
void explain_bus_errors();

/// While it lives, such an end is also written to this record.
class BusErrorsRecorded {
 public:
  explicit BusErrorsRecorded(const EmergencyRecord& record);
  BusErrorsRecorded(const BusErrorsRecorded&) = delete;
  BusErrorsRecorded& operator=(const BusErrorsRecorded&) = delete;
  ~BusErrorsRecorded();
};

}  // namespace convoy
