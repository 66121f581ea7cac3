// Turns accesses of memory that faults into reports (report.h): which kernel, block and thread, and
// what was touched.
#pragma once

namespace sy::hostcuda {

// Installs the handler of SIGSEGV and SIGBUS, again where something has replaced it (Catch2 does),
// and gives this host thread a stack for it. Other faults go to the handler that was there before.
void install_fault_handler();

}  // namespace sy::hostcuda
