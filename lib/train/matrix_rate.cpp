#include "lib/train/matrix_rate.h"

#include <algorithm>

#include "lib/train/product_rate.h"

namespace sy {

double measure_matrix_rate(Backend backend, int threads, DType dtype) {
  constexpr int64_t kSize = 1024;
  constexpr int kRepeats = 5;
  const GemmShape square{1, kSize, kSize, kSize, dtype, dtype, {}};
  ProductRate products({{square, 1}}, backend, threads);
  double best = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) best = std::max(best, products.measure());
  return best;
}

}  // namespace sy
