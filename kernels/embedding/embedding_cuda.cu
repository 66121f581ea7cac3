// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/embedding/embedding.h"
#include "kernels/embedding/sort_rows_cuda.h"

namespace sy {
namespace {

constexpr int kWarps = 8, kThreads = kWarps * kWarp;
constexpr int kRunWarps = 2;  // few, so that short batches spread over the whole GPU
constexpr int kBatch = 8;     // rows in flight; divides embedding_chunk()

// out[r] = table[ids[r] - first], one row per warp; zeros for an id that the table does not hold,
// NaN for one outside the vocabulary. Traffic: reads and writes each row once, the minimum if no id
// is repeated.
template <int V, class T>
__global__ void __launch_bounds__(kThreads)
    embedding_kernel(T* __restrict__ out, const T* __restrict__ table, const int32_t* ids,
                     int64_t rows, int64_t first, int64_t held, int64_t vocab, int d) {
  const int64_t row = int64_t{blockIdx.x} * kWarps + warp_id();
  if (row >= rows) return;
  const int64_t id = ids[row];
  const bool known = id >= 0 && id < vocab, here = id >= first && id < first + held;
  const Compute<T> absent = known ? Compute<T>(0) : std::numeric_limits<Compute<T>>::quiet_NaN();
  for (int c = lane_id() * V; c < d; c += kWarp * V) {
    T value[V];
#pragma unroll
    for (int j = 0; j < V; ++j) put(value[j], absent);
    if (here) load(value, table + (id - first) * d + c);
    store(out + row * d + c, value);
  }
}

// x[c] += sum[c] for the lane's columns.
template <int V, class C>
__device__ void add_to(C* x, const C (&sum)[V]) {
  C before[V];
  load(before, x);
#pragma unroll
  for (int j = 0; j < V; ++j) before[j] += sum[j];
  store(x, before);
}

// Each warp sums the runs of equal ids in one chunk of the sorted rows and 32 V columns. A run that
// begins in the chunk is added to its row of d_table; the part of a run that began in an earlier
// chunk goes to partial[chunk]. Traffic: reads d_out once, and reads and writes the table rows that
// have ids once (the minimum).
template <int V, class T, class C = Compute<T>>
__global__ void __launch_bounds__(kRunWarps* kWarp)
    embedding_runs_kernel(C* __restrict__ d_table, C* __restrict__ partial,
                          const T* __restrict__ d_out, const uint64_t* __restrict__ order,
                          int64_t rows, int64_t vocab, int d, int chunk_rows) {
  const int64_t chunk = int64_t{blockIdx.x} * kRunWarps + warp_id(), begin = chunk * chunk_rows;
  const int64_t end = begin + chunk_rows < rows ? begin + chunk_rows : rows;
  const int c = (static_cast<int>(blockIdx.y) * kWarp + lane_id()) * V;
  if (begin >= rows || c >= d) return;
  uint32_t id = id_of(order[begin]);
  bool begun_before = begin > 0 && id_of(order[begin - 1]) == id;
  C sum[V] = {};
  const auto finish_run = [&] {
    if (begun_before) {
      store(partial + chunk * d + c, sum);
    } else if (id < vocab) {
      add_to(d_table + int64_t{id} * d + c, sum);
    }
  };
  for (int64_t at = begin; at < end; at += kBatch) {
    uint32_t ids[kBatch];
    T value[kBatch][V];
#pragma unroll
    for (int k = 0; k < kBatch; ++k) {
      const uint64_t key = order[at + k < end ? at + k : end - 1];
      ids[k] = id_of(key);
      load(value[k], d_out + int64_t{row_of(key)} * d + c);
    }
#pragma unroll
    for (int k = 0; k < kBatch; ++k) {
      if (at + k >= end) break;
      if (ids[k] != id) {
        finish_run();
        id = ids[k];
        begun_before = false;
#pragma unroll
        for (int j = 0; j < V; ++j) sum[j] = 0;
      }
#pragma unroll
      for (int j = 0; j < V; ++j) sum[j] += C(value[k][j]);
    }
  }
  finish_run();
}

// Each block handles one chunk and 32 V columns. If the chunk's first run began in the chunk
// before, the block adds that run's parts in this and later chunks to its row of d_table. Traffic:
// reads the parts that embedding_runs_kernel wrote, at most one number per embedding_chunk() of
// d_out's.
template <int V, class C>
__global__ void __launch_bounds__(kThreads)
    embedding_parts_kernel(C* d_table, const C* partial, const uint64_t* order, int64_t rows,
                           int64_t vocab, int d, int chunk_rows) {
  C* slots = reinterpret_cast<C*>(shared_memory());
  const int64_t chunk = int64_t{blockIdx.x} + 1, begin = chunk * chunk_rows;
  const uint32_t id = id_of(order[begin]);
  if (id >= vocab || id_of(order[begin - 1]) != id) return;
  // An earlier block handles this run.
  if (chunk > 1 && id_of(order[begin - chunk_rows - 1]) == id) return;
  int64_t end = chunk + 1;  // one past the last chunk of the run, searched 32 chunks at a time
  for (unsigned lanes = kFullWarp; lanes == kFullWarp;) {
    const int64_t at = (end + lane_id()) * chunk_rows;
    lanes = __ballot_sync(kFullWarp, at < rows && id_of(order[at]) == id);
    end += __popc(lanes);
  }
  const int c = (static_cast<int>(blockIdx.y) * kWarp + lane_id()) * V;
  C sum[V] = {};
  if (c < d) {
#pragma unroll 4
    for (int64_t part = chunk + warp_id(); part < end; part += kWarps) {
      C value[V];
      load(value, partial + part * d + c);
#pragma unroll
      for (int j = 0; j < V; ++j) sum[j] += value[j];
    }
  }
#pragma unroll
  for (int j = 0; j < V; ++j) sum[j] = sum_over_warps(sum[j], slots);
  if (warp_id() == 0 && c < d) add_to(d_table + int64_t{id} * d + c, sum);
}

}  // namespace

template <class T>
struct EmbeddingImpl<Backend::cuda, T> {
  using C = Compute<T>;
  static constexpr int kWide = Pack<T>::kCount, kWideSums = Pack<C>::kCount;

  static void forward(Exec& exec, Tensor out, Tensor table, Tensor ids,
                      const VocabularyShard& shard) {
    const int64_t held = table.dim(0);
    const int64_t rows = ids.numel(), d = table.cols();
    const bool wide = d % kWide == 0 && is_packed({out.raw(), table.raw()});
    launch(cuda(exec).compute, "embedding",
           {.grid = narrow<unsigned>(ceil_div(rows, int64_t{kWarps})), .block = kThreads},
           wide ? embedding_kernel<kWide, T> : embedding_kernel<1, T>, out.data<T>(),
           table.data<T>(), ids.data<int32_t>(), rows, shard.first, held, shard.ids(held),
           narrow<int>(d));
  }

  static void backward(Exec& exec, Tensor d_table, Tensor d_out, Tensor ids,
                       const VocabularyShard& shard, Tensor order, Tensor partial) {
    const int64_t rows = ids.numel();
    if (rows == 0) return;
    const uint64_t* sorted = sort_rows(exec, order, ids, narrow<int32_t>(shard.first));
    const bool wide =
        d_table.cols() % kWide == 0 && is_packed({d_table.raw(), d_out.raw(), partial.raw()});
    const int64_t columns = kWarp * (wide ? kWide : 1), d = d_table.cols();
    const int64_t chunks = partial.dim(0), vocab = d_table.dim(0);
    launch(cuda(exec).compute, "embedding_runs",
           {.grid = {narrow<unsigned>(ceil_div(chunks, int64_t{kRunWarps})),
                     narrow<unsigned>(ceil_div(d, columns))},
            .block = kRunWarps * kWarp},
           wide ? embedding_runs_kernel<kWide, T> : embedding_runs_kernel<1, T>, d_table.data<C>(),
           partial.data<C>(), d_out.data<T>(), sorted, rows, vocab, narrow<int>(d),
           embedding_chunk(rows));
    const int64_t sums = kWarp * (wide ? kWideSums : 1);
    launch(cuda(exec).compute, "embedding_parts",
           {.grid = {narrow<unsigned>(chunks - 1), narrow<unsigned>(ceil_div(d, sums))},
            .block = kThreads,
            .shared_bytes = kThreads * sizeof(C)},
           wide ? embedding_parts_kernel<kWideSums, C> : embedding_parts_kernel<1, C>,
           d_table.data<C>(), partial.data<C>(), sorted, rows, vocab, narrow<int>(d),
           embedding_chunk(rows));
  }
};

template struct EmbeddingImpl<Backend::cuda, float>;
template struct EmbeddingImpl<Backend::cuda, double>;
template struct EmbeddingImpl<Backend::cuda, BFloat16>;

}  // namespace sy
