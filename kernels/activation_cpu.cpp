#include <algorithm>

#include "kernels/activation.h"
#include "kernels/dropout_row.h"
#include "kernels/vector_math.h"

namespace sy {
namespace {

constexpr double kRootTwoOverPi = 0.79788456080286535588;
constexpr double kCubic = 0.044715;

// gelu(x) = x (1 + tanh(z)) / 2,  z = sqrt(2/pi) (x + 0.044715 x^3)
template <class T>
inline T gelu(T x) {
  const T z = static_cast<T>(kRootTwoOverPi) * (x + static_cast<T>(kCubic) * x * x * x);
  return T(0.5) * x * (T(1) + vector_tanh(z));
}

template <class T>
inline T gelu_slope(T x) {
  const T z = static_cast<T>(kRootTwoOverPi) * (x + static_cast<T>(kCubic) * x * x * x);
  const T dz = static_cast<T>(kRootTwoOverPi) * (T(1) + T(3) * static_cast<T>(kCubic) * x * x);
  const T t = vector_tanh(z);
  return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * dz;
}

template <class T>
void forward_piece(T* out, const T* hidden, const T* linear, const T* mask, Activation kind,
                   int64_t count) {
  if (kind == Activation::relu) {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) out[c] = (hidden[c] > 0 ? hidden[c] : T(0)) * mask[c];
  } else if (kind == Activation::gelu) {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) out[c] = gelu(hidden[c]) * mask[c];
  } else {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) out[c] = gelu(hidden[c]) * linear[c] * mask[c];
  }
}

template <class T>
void backward_piece(T* d_hidden, T* d_linear, const T* d_out, const T* hidden, const T* linear,
                    const T* mask, Activation kind, int64_t count) {
  if (kind == Activation::relu) {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) d_hidden[c] = hidden[c] > 0 ? d_out[c] * mask[c] : T(0);
  } else if (kind == Activation::gelu) {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) d_hidden[c] = d_out[c] * mask[c] * gelu_slope(hidden[c]);
  } else {
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) {
      const T d = d_out[c] * mask[c];
      d_linear[c] = d * gelu(hidden[c]);
      d_hidden[c] = d * linear[c] * gelu_slope(hidden[c]);
    }
  }
}

// Calls body(offset, count, mask) for pieces of every row, in parallel.
template <class T, class Body>
void for_each_piece(Exec& exec, int64_t rows, int64_t cols, const Dropout& dropout, Body&& body) {
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t r = 0; r < rows; ++r) {
    T mask[kDropoutPiece];
    if (dropout.rate == 0) std::fill_n(mask, std::min(kDropoutPiece, cols), T(1));
    for (int64_t begin = 0; begin < cols; begin += kDropoutPiece) {
      const int64_t count = std::min(kDropoutPiece, cols - begin);
      if (dropout.rate > 0) dropout_mask_piece(dropout, r, cols, begin, count, mask);
      body(r * cols + begin, count, mask);
    }
  }
}

}  // namespace

template <class T>
struct ActivationImpl<Backend::cpu, T> {
  static void forward(Exec& exec, Tensor out, Tensor hidden, Tensor linear, Activation kind,
                      const Dropout& dropout) {
    T* po = out.data<T>();
    const T *ph = hidden.data<T>(), *pl = linear.empty() ? ph : linear.data<T>();
    for_each_piece<T>(exec, hidden.rows(), hidden.cols(), dropout,
                      [=](int64_t at, int64_t count, const T* mask) {
                        forward_piece(po + at, ph + at, pl + at, mask, kind, count);
                      });
  }

  static void backward(Exec& exec, Tensor d_hidden, Tensor d_linear, Tensor d_out, Tensor hidden,
                       Tensor linear, Activation kind, const Dropout& dropout) {
    T* dh = d_hidden.data<T>();
    T* dl = d_linear.empty() ? dh : d_linear.data<T>();
    const T *po = d_out.data<T>(), *ph = hidden.data<T>();
    const T* pl = linear.empty() ? ph : linear.data<T>();
    for_each_piece<T>(
        exec, hidden.rows(), hidden.cols(), dropout, [=](int64_t at, int64_t count, const T* mask) {
          backward_piece(dh + at, dl + at, po + at, ph + at, pl + at, mask, kind, count);
        });
  }
};

template struct ActivationImpl<Backend::cpu, float>;
template struct ActivationImpl<Backend::cpu, double>;

}  // namespace sy
