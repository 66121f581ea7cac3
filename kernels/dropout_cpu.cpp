#include <algorithm>

#include "kernels/dropout_row.h"

namespace sy {
namespace {

template <class T>
void row_piece(T* out, const T* residual, const T* x, const T* mask, int64_t count) {
  if (residual == nullptr) {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) out[c] = x[c] * mask[c];
  } else {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) out[c] = residual[c] + x[c] * mask[c];
  }
}

}  // namespace

template <class T>
struct DropoutImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor out, Tensor residual, Tensor x, const Dropout& dropout) {
    const int64_t rows = x.rows(), cols = x.cols();
    T* po = out.data<T>();
    const T *px = x.data<T>(), *pr = residual.empty() ? nullptr : residual.data<T>();
#pragma omp parallel for schedule(static) num_threads(exec.threads)
    for (int64_t r = 0; r < rows; ++r) {
      T mask[kDropoutPiece];
      if (dropout.rate == 0) std::fill_n(mask, std::min(kDropoutPiece, cols), T(1));
      for (int64_t begin = 0; begin < cols; begin += kDropoutPiece) {
        const int64_t count = std::min(kDropoutPiece, cols - begin), at = r * cols + begin;
        if (dropout.rate > 0) dropout_mask_piece(dropout, r, cols, begin, count, mask);
        row_piece(po + at, pr == nullptr ? nullptr : pr + at, px + at, mask, count);
      }
    }
  }
};

template struct DropoutImpl<Backend::cpu, float>;
template struct DropoutImpl<Backend::cpu, double>;

}  // namespace sy
