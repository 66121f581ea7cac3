// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/rms_norm/rms_norm.h"

namespace sy {
namespace {

constexpr int kRows = static_cast<int>(kRmsNormTile);  // rows of a block at a time, one per warp
constexpr int kThreads = kRows * kWarp;
constexpr int kShareThreads = 1024;

// One row per warp, V columns per lane at a time. Traffic: reads x once from memory (the second
// read hits the L1 cache) and writes out once, 2 rows d elements (the minimum).
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kThreads)
    rms_norm_kernel(T* out, C* rstd, const T* x, const C* __restrict__ scale, int64_t rows, int d) {
  const int64_t row = int64_t{blockIdx.x} * kRows + warp_id();
  if (row >= rows) return;
  x += row * d;
  out += row * d;
  C squares = 0;
  for (int c = lane_id() * V; c < d; c += kWarp * V) {
    T value[V];
    load(value, x + c);
#pragma unroll
    for (int j = 0; j < V; ++j) squares += C(value[j]) * C(value[j]);
  }
  const C mean = warp_sum(squares) / static_cast<C>(d);
  const C inverse = C(1) / std::sqrt(mean + static_cast<C>(kRmsNormEpsilon));
  if (lane_id() == 0) rstd[row] = inverse;
  for (int c = lane_id() * V; c < d; c += kWarp * V) {
    T value[V];
    C by[V];
    load(value, x + c);
    load(by, scale + c);
#pragma unroll
    for (int j = 0; j < V; ++j) put(value[j], C(value[j]) * inverse * by[j]);
    store(out + c, value);
  }
}

// The gradient of one row, by one warp:
//   dL/dx_i = rstd (g_i - x_i rstd^2 mean_j(g_j x_j)),  g = d_out * scale
template <int V, class T, class C>
__device__ void backward_row(T* d_x, const T* d_out, const T* x, const C* scale, C rstd,
                             const T* residual, int d) {
  C dot = 0;
  for (int c = lane_id() * V; c < d; c += kWarp * V) {
    T g[V], value[V];
    C by[V];
    load(g, d_out + c);
    load(value, x + c);
    load(by, scale + c);
#pragma unroll
    for (int j = 0; j < V; ++j) dot += C(g[j]) * by[j] * C(value[j]);
  }
  const C shared = warp_sum(dot) * rstd * rstd / static_cast<C>(d);
  for (int c = lane_id() * V; c < d; c += kWarp * V) {
    T g[V], value[V], base[V];
    C by[V];
    load(g, d_out + c);
    load(value, x + c);
    load(by, scale + c);
    if (residual != nullptr) load(base, residual + c);
#pragma unroll
    for (int j = 0; j < V; ++j) {
      const C through = rstd * (C(g[j]) * by[j] - C(value[j]) * shared);
      put(value[j], residual == nullptr ? through : C(base[j]) + through);
    }
    store(d_x + c, value);
  }
}

// sums[c] (= or +=) the sum over `rows` rows of d_out x rstd; each thread owns V columns at a time.
template <int V, class T, class C>
__device__ void add_shares(C* sums, bool first, const T* d_out, const T* x, const C* rstd, int rows,
                           int d) {
  for (int c = static_cast<int>(threadIdx.x) * V; c < d; c += kThreads * V) {
    C sum[V] = {};
    if (!first) load(sum, sums + c);
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (r >= rows) break;
      T g[V], value[V];
      load(g, d_out + int64_t{r} * d + c);
      load(value, x + int64_t{r} * d + c);
#pragma unroll
      for (int j = 0; j < V; ++j) sum[j] += C(g[j]) * C(value[j]) * rstd[r];
    }
    store(sums + c, sum);
  }
}

// Each block takes one tile of rows at a time: one row per warp for d_x, then all threads for the
// tile's share of d_scale while the tile is cached. Traffic: moves d_out, x, d_residual and d_x
// once (the minimum), and its row of `partial` through the L2 cache.
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kThreads)
    rms_norm_backward_kernel(T* d_x, C* partial, const T* d_out, const T* x, const C* scale,
                             const C* rstd, const T* residual, int64_t rows, int d) {
  C* sums = partial + int64_t{blockIdx.x} * d;
  for (int64_t first = int64_t{blockIdx.x} * kRows; first < rows;
       first += int64_t{gridDim.x} * kRows) {
    const int64_t row = first + warp_id(), at = row * d;
    if (row < rows) {
      backward_row<V>(d_x + at, d_out + at, x + at, scale, rstd[row],
                      residual == nullptr ? nullptr : residual + at, d);
    }
    const int count = rows - first < kRows ? static_cast<int>(rows - first) : kRows;
    add_shares<V>(sums, first < int64_t{gridDim.x} * kRows, d_out + first * d, x + first * d,
                  rstd + first, count, d);
  }
}

// d_scale[c] += the sum of the shares; one block per 32 columns, with the shares divided among its
// warps. Traffic: reads shares d numbers that the previous kernel left in the L2 cache.
template <class C>
__global__ void __launch_bounds__(kShareThreads)
    rms_norm_shares_kernel(C* d_scale, const C* partial, int shares, int d) {
  C* slots = reinterpret_cast<C*>(shared_memory());
  const int c = static_cast<int>(blockIdx.x) * kWarp + lane_id();
  C sum = 0;
  if (c < d) {
#pragma unroll 8
    for (int s = warp_id(); s < shares; s += kShareThreads / kWarp) {
      sum += partial[int64_t{s} * d + c];
    }
  }
  sum = sum_over_warps(sum, slots);
  if (warp_id() == 0 && c < d) d_scale[c] += sum;
}

}  // namespace

template <class T>
struct RmsNormImpl<Backend::cuda, T> {
  using C = Compute<T>;
  static constexpr int kWide = Pack<T>::kCount;

  static void forward(Exec& exec, Tensor out, Tensor rstd, Tensor x, Tensor scale) {
    const int64_t rows = x.rows(), d = x.cols();
    const bool wide = d % kWide == 0 && is_packed({out.raw(), x.raw(), scale.raw()});
    launch(cuda(exec).compute, "rms_norm",
           {.grid = narrow<unsigned>(ceil_div(rows, kRmsNormTile)), .block = kThreads},
           wide ? rms_norm_kernel<kWide, T> : rms_norm_kernel<1, T>, out.data<T>(), rstd.data<C>(),
           x.data<T>(), scale.data<C>(), rows, narrow<int>(d));
  }

  static void backward(Exec& exec, Tensor d_x, Tensor d_scale, Tensor d_out, Tensor x, Tensor scale,
                       Tensor rstd, Tensor d_residual, Tensor partial) {
    const int64_t rows = x.rows(), d = x.cols(), shares = partial.dim(0);
    const bool wide = d % kWide == 0 && is_packed({d_x.raw(), d_out.raw(), x.raw(), scale.raw(),
                                                   d_residual.raw(), partial.raw()});
    launch(cuda(exec).compute, "rms_norm_backward",
           {.grid = narrow<unsigned>(shares), .block = kThreads},
           wide ? rms_norm_backward_kernel<kWide, T> : rms_norm_backward_kernel<1, T>,
           d_x.data<T>(), partial.data<C>(), d_out.data<T>(), x.data<T>(), scale.data<C>(),
           rstd.data<C>(), d_residual.data<T>(), rows, narrow<int>(d));
    launch(cuda(exec).compute, "rms_norm_shares",
           {.grid = narrow<unsigned>(ceil_div(d, kWarp)),
            .block = kShareThreads,
            .shared_bytes = kShareThreads * sizeof(C)},
           rms_norm_shares_kernel<C>, d_scale.data<C>(), partial.data<C>(), narrow<int>(shares),
           narrow<int>(d));
  }
};

template struct RmsNormImpl<Backend::cuda, float>;
template struct RmsNormImpl<Backend::cuda, double>;
template struct RmsNormImpl<Backend::cuda, BFloat16>;

}  // namespace sy
