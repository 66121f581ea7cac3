// A batch of matrices is cut into tiles of kAdafactorRows x kAdafactorCols; a block has a tile, its
// warps the rows in turn, a lane kLane columns side by side. What tiles leave is added up in the
// order of the tiles, so a matrix's step is the same bits whatever else is in the batch.
#include <cmath>

#include "kernels/adafactor.h"
#include "kernels/adafactor_rule.h"
#include "kernels/clip_factor.h"
#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kLane = 4;                                           // columns of a lane
constexpr int kLines = static_cast<int>(kAdafactorRows) / kWarps;  // rows of a warp
constexpr int kCols = static_cast<int>(kAdafactorCols);
constexpr int kTotalThreads = 1024;
constexpr size_t kSlots = kWarp * sizeof(double);
static_assert(kCols == kLane * kWarp);

// What a tile adds up to, and, in the last place, the whole matrix's factor of its update.
struct Totals {
  double value_squares, update_squares, factor;
};
static_assert(sizeof(Totals) == kAdafactorTotals * sizeof(double));

// A batch of matrices and the scratch that adafactor.h describes.
template <class T>
struct Matrices {
  T *value, *row, *col;
  const T* grad;
  T *columns, *rows;
  Totals* totals;
  const double* clip;
  int64_t batch, n, m, blocks, chunks;
  bool packed;  // rows begin at multiples of 16 bytes
  AdafactorStep step;

  __device__ int64_t tiles() const { return blocks * chunks; }
  __device__ T* column_sums(int64_t e) const { return columns + e * (blocks + 1) * m; }
  __device__ T* row_sums(int64_t e) const { return rows + e * (chunks + 1) * n; }
  __device__ const T* column_roots(int64_t e) const { return column_sums(e) + blocks * m; }
  __device__ const T* row_roots(int64_t e) const { return row_sums(e) + chunks * n; }
  __device__ Totals& of_tile(int64_t e, int64_t tile) const {
    return totals[e * (tiles() + 1) + tile];
  }
  __device__ Totals& whole(int64_t e) const { return of_tile(e, tiles()); }
};

// The block's tile, and this thread's part of it.
struct Tile {
  int64_t e, number, block, chunk;  // number: in its matrix
  int64_t first_row, col;
  int width;  // columns of this lane that there are

  template <class T>
  __device__ explicit Tile(const Matrices<T>& all) {
    e = blockIdx.x / all.tiles();
    number = blockIdx.x % all.tiles();
    block = number / all.chunks;
    chunk = number % all.chunks;
    first_row = block * kAdafactorRows + warp_id();
    col = chunk * kAdafactorCols + lane_id() * kLane;
    const int64_t left = all.m - col;
    width = static_cast<int>(left < 0 ? 0 : left < kLane ? left : kLane);
  }
  __device__ int64_t row(int line) const { return first_row + int64_t{line} * kWarps; }
};

// This lane's columns of a row; zeros where there are none.
template <class T>
__device__ void load_columns(T (&to)[kLane], const T* from, int width, bool packed) {
  if (packed && width == kLane) return load_packs(to, from);
#pragma unroll
  for (int j = 0; j < kLane; ++j) to[j] = j < width ? from[j] : T(0);
}

template <class T>
__device__ void store_columns(T* to, const T (&from)[kLane], int width, bool packed) {
  if (packed && width == kLane) return store_packs(to, from);
#pragma unroll
  for (int j = 0; j < kLane; ++j) {
    if (j < width) to[j] = from[j];
  }
}

// The tile's column sums: what the warps have, one after the other.
template <class T>
__device__ void add_columns(T* to, const T (&mine)[kLane], const Tile& tile, int64_t m, T* shared) {
#pragma unroll
  for (int j = 0; j < kLane; ++j) shared[warp_id() * kCols + lane_id() * kLane + j] = mine[j];
  __syncthreads();
  const int64_t col = tile.chunk * kAdafactorCols + threadIdx.x;
  if (threadIdx.x >= kCols || col >= m) return;
  T total = shared[threadIdx.x];
  for (int w = 1; w < kWarps; ++w) total += shared[w * kCols + static_cast<int>(threadIdx.x)];
  to[col] = total;
}

// Pass 1: a tile's sums of g^2 + epsilon along its rows and columns, and of value^2. Bytes: grad
// and value once, the least; a 64th and a 128th of a matrix of sums.
template <class T>
__global__ void adafactor_sums_kernel(const Matrices<T> all) {
  const double factor = clip_factor(all.clip);
  if (factor == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const Tile tile(all);
  const T scale = static_cast<T>(factor), epsilon = static_cast<T>(all.step.epsilon);
  const int64_t matrix = tile.e * all.n * all.m;
  T along[kLines], down[kLane] = {}, squares = 0;
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    along[i] = 0;
    if (tile.row(i) >= all.n) continue;
    T g[kLane], w[kLane];
    const int64_t at = matrix + tile.row(i) * all.m + tile.col;
    load_columns(g, all.grad + at, tile.width, all.packed);
    load_columns(w, all.value + at, tile.width, all.packed);
#pragma unroll
    for (int j = 0; j < kLane; ++j) {
      const T square = j < tile.width ? (g[j] * scale) * (g[j] * scale) + epsilon : T(0);
      along[i] += square;
      down[j] += square;
      squares += w[j] * w[j];
    }
  }
  T* row_sums = all.row_sums(tile.e) + tile.chunk * all.n;
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    const T total = warp_sum(along[i]);
    if (lane_id() == 0 && tile.row(i) < all.n) row_sums[tile.row(i)] = total;
  }
  const double value_squares = block_sum(static_cast<double>(squares), slots);
  if (threadIdx.x == 0) all.of_tile(tile.e, tile.number).value_squares = value_squares;
  add_columns(all.column_sums(tile.e) + tile.block * all.m, down, tile, all.m,
              reinterpret_cast<T*>(slots + kWarp));
}

// 32 factors of one side of a matrix, a factor a lane: mean squares from `parts` rows of sums, and
// in the row behind them the factors' reciprocal roots.
template <class T>
__device__ void update_factors(T* factor, T* sums, int64_t first, int64_t count, int64_t parts,
                               int64_t others, double decay, double* shared) {
  const int64_t i = first + lane_id();
  double total = 0;
  for (int64_t p = warp_id(); p < parts && i < count; p += kWarps) {
    total += static_cast<double>(sums[p * count + i]);
  }
  shared[threadIdx.x] = total;
  __syncthreads();
  if (warp_id() != 0 || i >= count) return;
  for (int w = 1; w < kWarps; ++w) total += shared[w * kWarp + lane_id()];
  const T now = static_cast<T>(decay * static_cast<double>(factor[i]) +
                               (1.0 - decay) * total / static_cast<double>(others));
  factor[i] = now;
  sums[parts * count + i] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(now)));
}

// After pass 1: a block's 32 rows or, behind all of the matrix's rows, 32 columns.
template <class T>
__global__ void adafactor_factors_kernel(const Matrices<T> all) {
  if (clip_factor(all.clip) == 0) return;
  double* shared = reinterpret_cast<double*>(shared_memory());
  const int64_t of_rows = (all.n + kWarp - 1) / kWarp, of_columns = (all.m + kWarp - 1) / kWarp;
  const int64_t e = blockIdx.x / (of_rows + of_columns), i = blockIdx.x % (of_rows + of_columns);
  if (i < of_rows) {
    update_factors(all.row + e * all.n, all.row_sums(e), i * kWarp, all.n, all.chunks, all.m,
                   all.step.decay, shared);
  } else {
    update_factors(all.col + e * all.m, all.column_sums(e), (i - of_rows) * kWarp, all.m,
                   all.blocks, all.n, all.step.decay, shared);
  }
}

// Pass 2: a tile's sum of squares of the update but for what is one number for the whole matrix.
// Bytes: grad once, the least that a sum over updated factors allows.
template <class T>
__global__ void adafactor_update_kernel(const Matrices<T> all) {
  if (clip_factor(all.clip) == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const Tile tile(all);
  const T* grad = all.grad + tile.e * all.n * all.m + tile.col;
  const T* row_roots = all.row_roots(tile.e);
  T root[kLane];
  load_columns(root, all.column_roots(tile.e) + tile.col, tile.width, false);
  double total = 0;
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    if (tile.row(i) >= all.n) continue;
    T g[kLane], squares = 0;
    load_columns(g, grad + tile.row(i) * all.m, tile.width, all.packed);
#pragma unroll
    for (int j = 0; j < kLane; ++j) squares += (g[j] * root[j]) * (g[j] * root[j]);
    const double of_row = static_cast<double>(row_roots[tile.row(i)]);
    total += static_cast<double>(squares) * of_row * of_row;
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0) all.of_tile(tile.e, tile.number).update_squares = total;
}

// After pass 2, a matrix a block: the number by which row_root_i g_ij col_root_j is taken from
// value_ij: the rate, the gradient's factor and the root of the rows' mean.
template <class T>
__global__ void adafactor_factor_kernel(const Matrices<T> all) {
  const double clip = clip_factor(all.clip);
  if (clip == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t e = blockIdx.x;
  double rows = 0, value_squares = 0, update_squares = 0;
  for (int64_t i = threadIdx.x; i < all.n; i += kTotalThreads) {
    rows += static_cast<double>(all.row[e * all.n + i]);
  }
  for (int64_t i = threadIdx.x; i < all.tiles(); i += kTotalThreads) {
    value_squares += all.of_tile(e, i).value_squares;
    update_squares += all.of_tile(e, i).update_squares;
  }
  const double mean = block_sum(rows, slots) / static_cast<double>(all.n);
  value_squares = block_sum(value_squares, slots);
  update_squares = block_sum(update_squares, slots) * clip * clip * mean;
  const double count = static_cast<double>(all.n) * static_cast<double>(all.m);
  if (threadIdx.x == 0) {
    all.whole(e).factor =
        adafactor_rate(all.step, value_squares, update_squares, count) * clip * std::sqrt(mean);
  }
}

// Pass 3. Bytes: grad and value once, value back, the least.
template <class T>
__global__ void adafactor_write_kernel(const Matrices<T> all) {
  if (clip_factor(all.clip) == 0) return;
  const Tile tile(all);
  const double factor = all.whole(tile.e).factor;
  const T shrink = static_cast<T>(1.0 - all.step.learning_rate * all.step.weight_decay);
  const T* __restrict__ grad = all.grad + tile.e * all.n * all.m + tile.col;
  T* __restrict__ value = all.value + tile.e * all.n * all.m + tile.col;
  const T* __restrict__ row_roots = all.row_roots(tile.e);
  T root[kLane];
  load_columns(root, all.column_roots(tile.e) + tile.col, tile.width, false);
#pragma unroll
  for (int i = 0; i < kLines; ++i) {
    if (tile.row(i) >= all.n) continue;
    T g[kLane], w[kLane];
    const int64_t at = tile.row(i) * all.m;
    load_columns(g, grad + at, tile.width, all.packed);
    load_columns(w, value + at, tile.width, all.packed);
    const T scale = static_cast<T>(factor * static_cast<double>(row_roots[tile.row(i)]));
#pragma unroll
    for (int j = 0; j < kLane; ++j) w[j] = w[j] * shrink - scale * (g[j] * root[j]);
    store_columns(value + at, w, tile.width, all.packed);
  }
}

// A batch of vectors, `parts` blocks each; totals [batch, parts, 2].
template <class T>
struct Vectors {
  T *value, *second;
  const T* grad;
  double* totals;
  const double* clip;
  int64_t n, parts;
  AdafactorStep step;
};

// The second moment, and a block's sums of squares of value and update. Bytes: grad, value and
// second once, second back.
template <class T>
__global__ void adafactor_second_kernel(const Vectors<T> all) {
  const double clip = clip_factor(all.clip);
  if (clip == 0) return;
  double* slots = reinterpret_cast<double*>(shared_memory());
  const int64_t e = blockIdx.x / all.parts, part = blockIdx.x % all.parts;
  const T scale = static_cast<T>(clip), epsilon = static_cast<T>(all.step.epsilon);
  const T decay = static_cast<T>(all.step.decay), rest = static_cast<T>(1.0 - all.step.decay);
  double value_squares = 0, update_squares = 0;
  for (int64_t i = part * kThreads + threadIdx.x; i < all.n; i += all.parts * kThreads) {
    const int64_t at = e * all.n + i;
    const T gradient = all.grad[at] * scale, value = all.value[at];
    const T second = decay * all.second[at] + rest * (gradient * gradient + epsilon);
    all.second[at] = second;
    const T update = gradient / std::sqrt(second);
    update_squares += static_cast<double>(update * update);
    value_squares += static_cast<double>(value * value);
  }
  value_squares = block_sum(value_squares, slots);
  update_squares = block_sum(update_squares, slots);
  if (threadIdx.x == 0) {
    all.totals[int64_t{blockIdx.x} * 2] = value_squares;
    all.totals[int64_t{blockIdx.x} * 2 + 1] = update_squares;
  }
}

// Every warp adds up its vector's totals for itself. Bytes: grad, second and value once, value
// back.
template <class T>
__global__ void adafactor_vector_kernel(const Vectors<T> all) {
  const double clip = clip_factor(all.clip);
  if (clip == 0) return;
  const int64_t e = blockIdx.x / all.parts, part = blockIdx.x % all.parts;
  double value_squares = 0, update_squares = 0;
  for (int64_t p = lane_id(); p < all.parts; p += kWarp) {
    value_squares += all.totals[(e * all.parts + p) * 2];
    update_squares += all.totals[(e * all.parts + p) * 2 + 1];
  }
  const T rate = static_cast<T>(adafactor_rate(
      all.step, warp_sum(value_squares), warp_sum(update_squares), static_cast<double>(all.n)));
  const T scale = static_cast<T>(clip);
  const T shrink = static_cast<T>(1.0 - all.step.learning_rate * all.step.weight_decay);
  for (int64_t i = part * kThreads + threadIdx.x; i < all.n; i += all.parts * kThreads) {
    const int64_t at = e * all.n + i;
    const T update = all.grad[at] * scale / std::sqrt(all.second[at]);
    all.value[at] = all.value[at] * shrink - rate * update;
  }
}

}  // namespace

template <class T>
struct AdafactorImpl<Backend::cuda, T> {
  static void matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                     const AdafactorStep& step, Tensor columns, Tensor rows, Tensor totals) {
    const int64_t batch = value.dim(0), n = value.dim(1), m = value.dim(2);
    const bool packed = m % kLane == 0 && is_packed({value.raw(), grad.raw()});
    const Matrices<T> all{value.data<T>(),
                          row.data<T>(),
                          col.data<T>(),
                          grad.data<T>(),
                          columns.data<T>(),
                          rows.data<T>(),
                          reinterpret_cast<Totals*>(totals.data<double>()),
                          clip_data(step.clip),
                          batch,
                          n,
                          m,
                          columns.dim(1) - 1,
                          rows.dim(1) - 1,
                          packed,
                          step};
    const cudaStream_t stream = cuda(exec).compute;
    const auto tiles = narrow<unsigned>(batch * (columns.dim(1) - 1) * (rows.dim(1) - 1));
    const auto factors = narrow<unsigned>(batch * (ceil_div(n, kWarp) + ceil_div(m, kWarp)));
    launch(stream, "adafactor_sums",
           {.grid = tiles, .block = kThreads, .shared_bytes = kSlots + kWarps * kCols * sizeof(T)},
           adafactor_sums_kernel<T>, all);
    launch(stream, "adafactor_factors",
           {.grid = factors, .block = kThreads, .shared_bytes = kThreads * sizeof(double)},
           adafactor_factors_kernel<T>, all);
    launch(stream, "adafactor_update", {.grid = tiles, .block = kThreads, .shared_bytes = kSlots},
           adafactor_update_kernel<T>, all);
    launch(stream, "adafactor_factor",
           {.grid = narrow<unsigned>(batch), .block = kTotalThreads, .shared_bytes = kSlots},
           adafactor_factor_kernel<T>, all);
    launch(stream, "adafactor_write", {.grid = tiles, .block = kThreads}, adafactor_write_kernel<T>,
           all);
  }

  static void vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                     const AdafactorStep& step, Tensor totals) {
    const Vectors<T> all{
        value.data<T>(),      second.data<T>(), grad.data<T>(), totals.data<double>(),
        clip_data(step.clip), value.dim(1),     totals.dim(1),  step};
    const LaunchShape shape{.grid = narrow<unsigned>(value.dim(0) * totals.dim(1)),
                            .block = kThreads,
                            .shared_bytes = kSlots};
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "adafactor_second", shape, adafactor_second_kernel<T>, all);
    launch(stream, "adafactor_vector", shape, adafactor_vector_kernel<T>, all);
  }
};

template struct AdafactorImpl<Backend::cuda, float>;
template struct AdafactorImpl<Backend::cuda, double>;

}  // namespace sy
