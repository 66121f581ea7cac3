// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/elementwise/elementwise.h"

namespace sy {
namespace {

template <class To, class From>
struct Convert {
  __device__ To operator()(From x, From) const {
    To to;
    put(to, x);
    return to;
  }
};

struct RoundToBFloat16 {
  __device__ float operator()(float x, float) const { return BFloat16(x); }
};

template <class T>
struct Scale {
  Compute<T> by;
  __device__ T operator()(T x, T) const {
    T to;
    put(to, Compute<T>(x) * by);
    return to;
  }
};

template <class T>
struct Add {
  __device__ T operator()(T x, T y) const {
    T to;
    put(to, Compute<T>(x) + Compute<T>(y));
    return to;
  }
};

struct AddCounts {
  __device__ int32_t operator()(int32_t x, int32_t y) const { return x + y; }
};

constexpr int kSumThreads = 256;

// partial[b] = the sum over x's blocks b, b + gridDim.x, ..., of kSumBlock elements each.
template <class T>
__global__ void partial_sums_kernel(double* partial, const T* x, int64_t count, bool squares) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t first = int64_t{blockIdx.x} * kSumBlock; first < count;
       first += int64_t{gridDim.x} * kSumBlock) {
    const int64_t end = first + kSumBlock < count ? first + kSumBlock : count;
    for (int64_t i = first + threadIdx.x; i < end; i += kSumThreads) {
      const double value = static_cast<double>(x[i]);
      total += squares ? value * value : value;
    }
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

// total += factor * the sum of `count` partial sums. One block.
__global__ void finish_sum_kernel(double* total, const double* partial, int count, double factor) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kSumThreads) sum += partial[i];
  sum = block_sum(sum, slots);
  if (threadIdx.x == 0) *total += factor * sum;
}

}  // namespace

template <>
void BytesImpl<Backend::cuda>::zero(Exec& exec, Tensor x) {
  check_cuda(cudaMemsetAsync(x.raw(), 0, static_cast<size_t>(x.bytes()), cuda(exec).compute),
             "fill_zero");
}

template <>
void BytesImpl<Backend::cuda>::copy(Exec& exec, Tensor out, Tensor x) {
  check_cuda(cudaMemcpyAsync(out.raw(), x.raw(), static_cast<size_t>(x.bytes()),
                             cudaMemcpyDeviceToDevice, cuda(exec).compute),
             "copy");
}

template <>
void BytesImpl<Backend::cuda>::copy_rows(Exec& exec, void* out, int64_t out_step, const void* x,
                                         int64_t x_step, int64_t bytes, int64_t rows) {
  check_cuda(cudaMemcpy2DAsync(out, static_cast<size_t>(out_step), x, static_cast<size_t>(x_step),
                               static_cast<size_t>(bytes), static_cast<size_t>(rows),
                               cudaMemcpyDeviceToDevice, cuda(exec).compute),
             "copy_columns");
}

template <>
void CastImpl<Backend::cuda>::widen(Exec& exec, Tensor out, Tensor x) {
  const BFloat16* from = x.data<BFloat16>();
  map(exec, "widen", out.data<float>(), from, from, x.numel(), Convert<float, BFloat16>{});
}

template <>
void CastImpl<Backend::cuda>::narrow(Exec& exec, Tensor out, Tensor x) {
  const float* from = x.data<float>();
  map(exec, "narrow", out.data<BFloat16>(), from, from, x.numel(), Convert<BFloat16, float>{});
}

template <>
void CastImpl<Backend::cuda>::round(Exec& exec, Tensor x) {
  float* p = x.data<float>();
  map(exec, "round_to_bfloat16", p, p, p, x.numel(), RoundToBFloat16{});
}

template <>
void CountsImpl<Backend::cuda>::add(Exec& exec, Tensor x, Tensor y) {
  int32_t* p = x.data<int32_t>();
  map(exec, "add_counts", p, p, y.data<int32_t>(), x.numel(), AddCounts{});
}

template <class T>
struct ElementwiseImpl<Backend::cuda, T> {
  static void scale(Exec& exec, Tensor x, double factor) {
    T* p = x.data<T>();
    map(exec, "scale", p, p, p, x.numel(), Scale<T>{static_cast<Compute<T>>(factor)});
  }
  static void add(Exec& exec, Tensor x, Tensor y) {
    T* p = x.data<T>();
    map(exec, "add", p, p, y.data<T>(), x.numel(), Add<T>{});
  }
};

template <class T>
struct SumImpl<Backend::cuda, T> {
  static void add(Exec& exec, Tensor total, Tensor x, bool squares, double factor, Tensor partial) {
    const cudaStream_t stream = cuda(exec).compute;
    const auto blocks = narrow<unsigned>(partial.numel());
    const LaunchShape many{
        .grid = blocks, .block = kSumThreads, .shared_bytes = 32 * sizeof(double)};
    launch(stream, "partial_sums", many, partial_sums_kernel<T>, partial.data<double>(),
           x.data<T>(), x.numel(), squares);
    const LaunchShape one{.block = kSumThreads, .shared_bytes = 32 * sizeof(double)};
    launch(stream, "finish_sum", one, finish_sum_kernel, total.data<double>(),
           partial.data<double>(), blocks, factor);
  }
};

template struct ElementwiseImpl<Backend::cuda, float>;
template struct ElementwiseImpl<Backend::cuda, double>;
template struct ElementwiseImpl<Backend::cuda, BFloat16>;
template struct SumImpl<Backend::cuda, float>;
template struct SumImpl<Backend::cuda, double>;

}  // namespace sy
