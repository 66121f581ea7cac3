// SPDX-License-Identifier: Apache-2.0
#include "tests/support/backend.h"

#include <cstdlib>
#include <string>

#include "lib/base/error.h"

namespace sy::test {

Backend test_backend() {
  static const Backend chosen = [] {
    const char* name = std::getenv("SWITCHYARD_TEST_BACKEND");
    const std::string backend = name == nullptr ? "cpu" : name;
    if (backend == "cpu") return Backend::cpu;
    SY_CHECK(backend == "cuda", "SWITCHYARD_TEST_BACKEND is {}; use cpu or cuda", backend);
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);  // must precede the first call of the CUDA runtime
    return Backend::cuda;
  }();
  return chosen;
}

MemoryKind test_memory() {
  return test_backend() == Backend::cuda ? MemoryKind::shared : MemoryKind::host;
}

void use_backend(Exec& exec, Backend backend) {
  exec.backend = backend;
  exec.memory = backend == Backend::cuda ? MemoryKind::shared : MemoryKind::host;
}

void use_test_backend(Exec& exec) {
  use_backend(exec, test_backend());
}

}  // namespace sy::test
