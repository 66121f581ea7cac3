// The backend that a test program checks: one body of tests for all. SWITCHYARD_TEST_BACKEND names
// it, cpu where unset. With cuda, tensors of tests lie in memory that host and GPU share, and every
// launch is waited for (CUDA_LAUNCH_BLOCKING), so that tests read results as they do on the CPU.
#pragma once

#include "lib/tensor/exec.h"

namespace sy::test {

Backend test_backend();
MemoryKind test_memory();

// Sets the exec's backend and memory.
void use_test_backend(Exec& exec);
void use_backend(Exec& exec, Backend backend);

}  // namespace sy::test
