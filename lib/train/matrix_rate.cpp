#include "lib/train/matrix_rate.h"

#include <algorithm>

#include "lib/train/product_rate.h"

namespace sy {

double measure_matrix_rate(Backend backend, int threads, DType dtype) {
  constexpr int64_t kSmallest = 1024, kLargest = 8192;
  constexpr int kRepeats = 5;
  constexpr double kLongEnough = 1e-3;  // seconds
  for (int64_t size = kSmallest;; size *= 2) {
    const GemmShape square{1, size, size, size, dtype, dtype, {}};
    ProductRate products({{square, 1}}, backend, threads);
    double best = 0;
    for (int repeat = 0; repeat < kRepeats; ++repeat) best = std::max(best, products.measure());
    if (size == kLargest || square.flops() / best > kLongEnough) return best;
  }
}

}  // namespace sy
