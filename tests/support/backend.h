// SPDX-License-Identifier: Apache-2.0
// The backend under test, so that one test body serves all backends. SWITCHYARD_TEST_BACKEND names
// it (default: cpu). With cuda, test tensors are in pinned memory, used in place, and every launch
// blocks (CUDA_LAUNCH_BLOCKING), so that tests can read results just as on the CPU.
#pragma once

#include "lib/tensor/exec.h"

namespace sy::test {

Backend test_backend();
MemoryKind test_memory();

// Set the backend and the memory kind of `exec`.
void use_test_backend(Exec& exec);
void use_backend(Exec& exec, Backend backend);

}  // namespace sy::test
