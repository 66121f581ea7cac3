#include <algorithm>

#include "kernels/elementwise.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Sums are taken over blocks of this many elements and the blocks are added in order, so that the
// result does not depend on how threads share the blocks.
constexpr int64_t kBlock = 4096;
constexpr int64_t kBlocksAtOnce = 1024;

template <class T>
double block_sum(const T* x, int64_t count, bool squares) {
  double total = 0;
  if (squares) {
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < count; ++i)
      total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  } else {
#pragma omp simd reduction(+ : total)
    for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]);
  }
  return total;
}

}  // namespace

template <>
void CastImpl<Backend::cpu>::widen(Exec& exec, Tensor out, Tensor x) {
  float* to = out.data<float>();
  const BFloat16* from = x.data<BFloat16>();
  const int64_t count = x.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

template <>
void CastImpl<Backend::cpu>::narrow(Exec& exec, Tensor out, Tensor x) {
  BFloat16* to = out.data<BFloat16>();
  const float* from = x.data<float>();
  const int64_t count = x.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < count; ++i) put(to[i], from[i]);
}

template <>
void CastImpl<Backend::cpu>::round(Exec& exec, Tensor x) {
  float* p = x.data<float>();
  const int64_t count = x.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
  for (int64_t i = 0; i < count; ++i) {
    p[i] = std::bit_cast<float>(static_cast<uint32_t>(bfloat16_bits(p[i])) << 16);
  }
}

template <class T>
struct ElementwiseImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static void scale(Exec& exec, Tensor x, double factor) {
    T* p = x.data<T>();
    const C by = static_cast<C>(factor);
    const int64_t count = x.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < count; ++i) put(p[i], C(p[i]) * by);
  }

  static void add(Exec& exec, Tensor x, Tensor y) {
    T* p = x.data<T>();
    const T* q = y.data<T>();
    const int64_t count = x.numel();
#pragma omp parallel for simd schedule(static) num_threads(exec.threads)
    for (int64_t i = 0; i < count; ++i) put(p[i], C(p[i]) + C(q[i]));
  }

  static double sum(Exec& exec, Tensor x, bool squares) {
    const T* p = x.data<T>();
    const int64_t count = x.numel(), blocks = ceil_div(count, kBlock);
    double total = 0, partial[kBlocksAtOnce];
    for (int64_t first = 0; first < blocks; first += kBlocksAtOnce) {
      const int64_t here = std::min(kBlocksAtOnce, blocks - first);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
      for (int64_t b = 0; b < here; ++b) {
        const int64_t begin = (first + b) * kBlock;
        partial[b] = block_sum(p + begin, std::min(kBlock, count - begin), squares);
      }
      for (int64_t b = 0; b < here; ++b) total += partial[b];
    }
    return total;
  }
};

template struct ElementwiseImpl<Backend::cpu, float>;
template struct ElementwiseImpl<Backend::cpu, double>;
template struct ElementwiseImpl<Backend::cpu, BFloat16>;

}  // namespace sy
