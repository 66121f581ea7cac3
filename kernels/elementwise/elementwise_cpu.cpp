// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/elementwise/elementwise.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;  // bytes that a thread sets or copies at a time

// Calls chunk(offset, size) for consecutive chunks of `bytes` bytes, in parallel.
template <class Chunk>
void for_each_chunk(const Exec& exec, int64_t bytes, Chunk&& chunk) {
  const int64_t chunks = ceil_div(bytes, kChunkBytes);
#pragma omp parallel for schedule(static) num_threads(exec.threads) if (chunks > 1)
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t at = i * kChunkBytes;
    chunk(at, static_cast<size_t>(std::min(kChunkBytes, bytes - at)));
  }
}

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
void BytesImpl<Backend::cpu>::zero(Exec& exec, Tensor x) {
  char* to = static_cast<char*>(x.raw());
  for_each_chunk(exec, x.bytes(),
                 [=](int64_t at, size_t bytes) { std::memset(to + at, 0, bytes); });
}

template <>
void BytesImpl<Backend::cpu>::copy(Exec& exec, Tensor out, Tensor x) {
  char* to = static_cast<char*>(out.raw());
  const char* from = static_cast<const char*>(x.raw());
  for_each_chunk(exec, x.bytes(),
                 [=](int64_t at, size_t bytes) { std::memcpy(to + at, from + at, bytes); });
}

template <>
void BytesImpl<Backend::cpu>::copy_rows(Exec& exec, void* out, int64_t out_step, const void* x,
                                        int64_t x_step, int64_t bytes, int64_t rows) {
  char* to = static_cast<char*>(out);
  const char* from = static_cast<const char*>(x);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(to + row * out_step, from + row * x_step, static_cast<size_t>(bytes));
  }
}

template <>
void CountsImpl<Backend::cpu>::add(Exec&, Tensor x, Tensor y) {
  int32_t* p = x.data<int32_t>();
  const int32_t* q = y.data<int32_t>();
  for (int64_t i = 0; i < x.numel(); ++i) p[i] += q[i];
}

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
};

template <class T>
struct SumImpl<Backend::cpu, T> {
  static void add(Exec& exec, Tensor total, Tensor x, bool squares, double factor, Tensor partial) {
    const T* p = x.data<T>();
    double *sums = partial.data<double>(), sum = 0;
    const int64_t count = x.numel(), blocks = ceil_div(count, kSumBlock);
    for (int64_t first = 0; first < blocks; first += kSumBlocks) {
      const int64_t here = std::min(kSumBlocks, blocks - first);
#pragma omp parallel for schedule(static) num_threads(exec.threads)
      for (int64_t b = 0; b < here; ++b) {
        const int64_t begin = (first + b) * kSumBlock;
        sums[b] = block_sum(p + begin, std::min(kSumBlock, count - begin), squares);
      }
      for (int64_t b = 0; b < here; ++b) sum += sums[b];
    }
    *total.data<double>() += factor * sum;
  }
};

template struct ElementwiseImpl<Backend::cpu, float>;
template struct ElementwiseImpl<Backend::cpu, double>;
template struct ElementwiseImpl<Backend::cpu, BFloat16>;
template struct SumImpl<Backend::cpu, float>;
template struct SumImpl<Backend::cpu, double>;

}  // namespace sy
