// SPDX-License-Identifier: Apache-2.0
// Work whose time is predictable enough: an exec's copies, which the host does not wait for on
// CUDA.
#pragma once

#include <chrono>
#include <numeric>

#include "kernels/elementwise/elementwise.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/transfer.h"
#include "tests/support/backend.h"

namespace sy::test {

struct TimedWork {
  TimedWork() {
    use_test_backend(exec);
    if (exec.backend == Backend::cuda) exec.memory = MemoryKind::device;
    memory = Memory(exec.memory, 2 * kBytes, "timed work");
    const Tensor all(memory.data(), DType::f32, {2 * kBytes / 4});
    from = all.slice(0, kBytes / 4);
    to = all.slice(kBytes / 4, kBytes / 4);
    run(1);  // every page is in place
    synchronize(exec);
  }

  // Runs `copies` copies; copy() attributes them to part `other`.
  void run(int copies) {
    for (int i = 0; i < copies; ++i) copy(exec, to, from);
  }
  void run_as(Part part, int copies) {
    const ProfileScope profile(exec.profiler, part);
    run(copies);
  }

  double seconds(Part part) const { return exec.profiler.seconds(part); }
  double sum() const {
    double sum = 0;
    for (size_t part = 0; part < PartSeconds().size(); ++part) {
      sum += seconds(static_cast<Part>(part));
    }
    return sum;
  }

  static constexpr int64_t kBytes = 32 << 20;
  Exec exec;
  Memory memory;
  Tensor from, to;
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sy::test
