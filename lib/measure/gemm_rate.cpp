// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/gemm_rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lib/base/numeric.h"
#include "lib/tensor/random_fill.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

Shape matrices(int64_t batch, int64_t rows, int64_t cols, bool transposed) {
  if (transposed) std::swap(rows, cols);
  return batch == 1 ? Shape{rows, cols} : Shape{batch, rows, cols};
}

Shape shape_of_a(const GemmShape& s) {
  const Shape each = matrices(s.batch, s.m, s.k, s.options.transpose_a);
  return s.shared_a ? Shape{1, each[1], each[2]} : each;
}
Shape shape_of_b(const GemmShape& s) {
  return matrices(s.batch, s.k, s.n, s.options.transpose_b);
}
Shape shape_of_c(const GemmShape& s) {
  return matrices(s.batch, s.m, s.n, false);
}

}  // namespace

GemmRate::GemmRate(const GemmCounts& counts, Backend backend, int threads)
    : counts_(counts), flops_(flops_of(counts)) {
  exec_.backend = backend;
  exec_.memory = backend == Backend::cuda ? MemoryKind::device : MemoryKind::host;
  exec_.threads = threads;
  exec_.planning = true;
  int64_t a = 0, b = 0, c = 0, base = 0;  // bytes
  const auto bytes = [](const Shape& matrices, DType dtype) {
    return matrices.numel() * static_cast<int64_t>(size_of(dtype));
  };
  for (const auto& [shape, times] : counts_) {
    a = std::max(a, bytes(shape_of_a(shape), shape.in));
    b = std::max(b, bytes(shape_of_b(shape), shape.in));
    c = std::max(c, bytes(shape_of_c(shape), shape.out));
    if (shape.has_base) base = std::max(base, bytes(shape_of_c(shape), shape.out));
    run(shape, 1);
  }
  exec_.planning = false;
  exec_.scratch.allocate(exec_.scratch.high_water(), exec_.memory);
  const auto take = [&] {
    a_ = arena_.take(DType::f32, {ceil_div(a, 4)}, "a");
    b_ = arena_.take(DType::f32, {ceil_div(b, 4)}, "b");
    c_ = arena_.take(DType::f32, {ceil_div(c, 4)}, "c");
    base_ = arena_.take(DType::f32, {ceil_div(base, 4)}, "base");
  };
  take();
  arena_.allocate(exec_.memory);
  take();
  // A pair of random bfloat16 is a random float32 too: the second is the end of its mantissa.
  for (const Tensor& operand : {a_, b_}) {
    fill_random(exec_, Tensor(operand.raw(), DType::bf16, {2 * operand.numel()}));
  }
  for (const auto& [shape, times] : counts_) run(shape, 2);
}

void GemmRate::run(const GemmShape& shape, int64_t times) {
  // While planning, the operands have no memory yet.
  const Tensor a(a_.raw(), shape.in, shape_of_a(shape)), b(b_.raw(), shape.in, shape_of_b(shape));
  const Tensor c(c_.raw(), shape.out, shape_of_c(shape));
  const Tensor base = shape.has_base ? Tensor(base_.raw(), shape.out, shape_of_c(shape)) : Tensor();
  for (int64_t i = 0; i < times; ++i) gemm(exec_, c, a, b, shape.options, base);
}

double GemmRate::measure() {
  const auto start = std::chrono::steady_clock::now();
  for (const auto& [shape, times] : counts_) run(shape, times);
  synchronize(exec_);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return flops_ / spent.count();
}

double measure_peak_gemm_rate(Backend backend, int threads, DType dtype) {
  constexpr int64_t kSmallest = 1024, kLargest = 8192;
  constexpr int kRepeats = 5;
  constexpr double kLongEnough = 1e-3;  // seconds
  for (int64_t size = kSmallest;; size *= 2) {
    const GemmShape square{1, size, size, size, dtype, dtype, {}};
    GemmRate rate({{square, 1}}, backend, threads);
    double best = 0;
    for (int repeat = 0; repeat < kRepeats; ++repeat) best = std::max(best, rate.measure());
    if (size == kLargest || square.flops() / best > kLongEnough) return best;
  }
}

std::string bfloat16_advice(double bfloat16, double float32) {
  if (bfloat16 >= float32) return "";
  return fmt::format(
      "precision: bfloat16 multiplies at {:.2f} times the rate of float32 on this processor "
      "({:.1f} "
      "and {:.1f} GFLOP/s per rank); precision: float32 would be faster",
      bfloat16 / float32, bfloat16 / 1e9, float32 / 1e9);
}

}  // namespace sy
