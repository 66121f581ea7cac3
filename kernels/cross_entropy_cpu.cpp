#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cross_entropy.h"
#include "kernels/vector_math.h"

namespace sy {
namespace {

// logsumexp in two passes over the row: the largest, then the sum of exponentials.
template <class T>
T log_sum_exp(const T* x, int64_t count) {
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < count; ++i) total += vector_exp(x[i] - largest);
  return largest + std::log(total);
}

template <class T>
void gradient_row(T* x, int64_t count, T log_sum, int32_t target, T scale) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) x[i] = scale * vector_exp(x[i] - log_sum);
  x[target] -= scale;
}

}  // namespace

template <class T>
struct CrossEntropyImpl<Backend::cpu, T> {
  static void run(Exec& exec, Tensor loss, Tensor logits, Tensor targets, double scale,
                  bool with_gradient) {
    const int64_t rows = logits.rows(), vocab = logits.cols();
    const int32_t* target = targets.data<int32_t>();
    T *values = logits.data<T>(), *losses = loss.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      T* row = values + r * vocab;
      if (target[r] == kPadId) {
        losses[r] = 0;
        if (with_gradient) std::fill_n(row, vocab, T(0));
        continue;
      }
      const T log_sum = log_sum_exp(row, vocab);
      losses[r] = log_sum - row[target[r]];
      if (with_gradient) gradient_row(row, vocab, log_sum, target[r], static_cast<T>(scale));
    }
  }
};

template struct CrossEntropyImpl<Backend::cpu, float>;
template struct CrossEntropyImpl<Backend::cpu, double>;

}  // namespace sy
