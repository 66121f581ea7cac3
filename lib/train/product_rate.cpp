#include "lib/train/product_rate.h"

#include <algorithm>
#include <chrono>

namespace sy {
namespace {

Shape matrices(int64_t batch, int64_t rows, int64_t cols, bool transposed) {
  if (transposed) std::swap(rows, cols);
  return batch == 1 ? Shape{rows, cols} : Shape{batch, rows, cols};
}

Shape shape_of_a(const GemmShape& s) {
  return matrices(s.batch, s.m, s.k, s.options.transpose_a);
}
Shape shape_of_b(const GemmShape& s) {
  return matrices(s.batch, s.k, s.n, s.options.transpose_b);
}
Shape shape_of_c(const GemmShape& s) {
  return matrices(s.batch, s.m, s.n, false);
}

}  // namespace

ProductRate::ProductRate(const GemmCounts& counts, Backend backend, int threads)
    : counts_(counts), flops_(flops_of(counts)) {
  exec_.backend = backend;
  exec_.threads = threads;
  exec_.planning = true;
  int64_t a = 0, b = 0, c = 0;
  for (const auto& [shape, times] : counts_) {
    a = std::max(a, shape_of_a(shape).numel());
    b = std::max(b, shape_of_b(shape).numel());
    c = std::max(c, shape_of_c(shape).numel());
    run(shape, 1);
  }
  exec_.planning = false;
  exec_.scratch.allocate(exec_.scratch.high_water());
  const auto take = [&] {
    a_ = arena_.take(DType::f32, {a}, "a");
    b_ = arena_.take(DType::f32, {b}, "b");
    c_ = arena_.take(DType::f32, {c}, "c");
  };
  take();
  arena_.allocate();
  take();
  std::fill_n(a_.data<float>(), a, 1e-3f);
  std::fill_n(b_.data<float>(), b, 1e-3f);
  for (const auto& [shape, times] : counts_) run(shape, 1);
}

void ProductRate::run(const GemmShape& shape, int64_t times) {
  const auto part = [](Tensor flat, const Shape& wanted) {
    if (flat.empty()) return Tensor(nullptr, DType::f32, wanted);  // planning
    return flat.slice(0, wanted.numel()).view(wanted);
  };
  const Tensor a = part(a_, shape_of_a(shape)), b = part(b_, shape_of_b(shape));
  const Tensor c = part(c_, shape_of_c(shape));
  for (int64_t i = 0; i < times; ++i) gemm(exec_, c, a, b, shape.options);
}

double ProductRate::measure() {
  const auto start = std::chrono::steady_clock::now();
  for (const auto& [shape, times] : counts_) run(shape, times);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return flops_ / spent.count();
}

}  // namespace sy
