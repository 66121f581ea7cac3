#include "lib/train/matrix_rate.h"

#include <algorithm>
#include <chrono>

#include "kernels/gemm.h"
#include "lib/tensor/arena.h"

namespace sy {

double measure_matrix_rate(Backend backend, int threads) {
  constexpr int64_t kSize = 1024;
  Exec exec;
  exec.backend = backend;
  exec.threads = threads;
  exec.planning = true;
  const Tensor shape(nullptr, DType::f32, {kSize, kSize});
  gemm(exec, shape, shape, shape);
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water());
  Arena arena("matrix rate");
  for (int i = 0; i < 3; ++i) arena.take(DType::f32, {kSize, kSize}, "matrix");
  arena.allocate();
  const Tensor a = arena.take(DType::f32, {kSize, kSize}, "a");
  const Tensor b = arena.take(DType::f32, {kSize, kSize}, "b");
  const Tensor c = arena.take(DType::f32, {kSize, kSize}, "c");
  std::fill_n(a.data<float>(), a.numel(), 1.0f);
  std::fill_n(b.data<float>(), b.numel(), 1.0f);
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    gemm(exec, c, a, b);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count());
  }
  return 2.0 * kSize * kSize * kSize / best;
}

}  // namespace sy
