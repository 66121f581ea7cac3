// SPDX-License-Identifier: Apache-2.0
#include "kernels/adafactor/adafactor.h"
#include "kernels/adafactor/matrix_passes_cuda.h"
#include "kernels/adafactor/vector_passes_cuda.h"

namespace sy {
namespace {

constexpr size_t kSlots = kWarp * sizeof(double);

// The items that have elements, each with its part of the scratch.
template <class T>
AdafactorWave<T> wave_of(std::span<const AdafactorMatrix> items, const AdafactorStep& step,
                         Tensor sums, Tensor totals) {
  AdafactorWave<T> wave;
  wave.clip = clip_data(step.clip);
  wave.step = step;
  T* of_item = sums.data<T>();
  double* totals_of_item = totals.data<double>();
  for (const AdafactorMatrix& item : items) {
    if (item.value.numel() == 0) continue;
    const AdafactorTiling tiling(Backend::cuda, item);
    const int64_t batch = tiling.batch, n = tiling.n, m = tiling.m;
    wave.tiles.add(wave.count, batch * tiling.tiles());
    wave.factors.add(wave.count, batch * (ceil_div(n, kWarp) + ceil_div(m, kWarp)));
    wave.matrices.add(wave.count, batch);
    wave.items[wave.count++] = {
        item.value.data<T>(),
        item.row.data<T>(),
        item.col.data<T>(),
        item.grad.data<T>(),
        item.rounded.data<BFloat16>(),
        of_item,
        of_item + tiling.columns(),
        reinterpret_cast<AdafactorTotals*>(totals_of_item),
        n,
        m,
        tiling.blocks,
        tiling.chunks,
        m % kLaneColumns == 0 &&
            is_packed({item.value.raw(), item.grad.raw(), item.rounded.raw()})};
    of_item += tiling.columns() + tiling.rows();
    totals_of_item += tiling.totals();
  }
  return wave;
}

template <class T>
AdafactorVectorWave<T> wave_of(std::span<const AdafactorVector> items, const AdafactorStep& step,
                               Tensor totals) {
  AdafactorVectorWave<T> wave;
  wave.clip = clip_data(step.clip);
  wave.step = step;
  double* of_item = totals.data<double>();
  for (const AdafactorVector& item : items) {
    if (item.value.numel() == 0) continue;
    const int64_t batch = item.value.dim(0), n = item.value.dim(1), parts = adafactor_parts(n);
    wave.parts.add(wave.count, batch * parts);
    wave.items[wave.count++] = {item.value.data<T>(),
                                item.second.data<T>(),
                                item.grad.data<T>(),
                                item.rounded.data<BFloat16>(),
                                of_item,
                                n,
                                parts};
    of_item += batch * parts * 2;
  }
  return wave;
}

}  // namespace

template <class T>
struct AdafactorImpl<Backend::cuda, T> {
  static void matrices(Exec& exec, std::span<const AdafactorMatrix> items,
                       const AdafactorStep& step, Tensor sums, Tensor totals) {
    const AdafactorWave<T> wave = wave_of<T>(items, step, sums, totals);
    const unsigned tiles = wave.tiles.total;
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "adafactor_sums",
           {.grid = tiles,
            .block = kTileThreads,
            .shared_bytes = kSlots + kTileWarps * kTileCols * sizeof(T)},
           adafactor_sums_kernel<T>, wave);
    launch(stream, "adafactor_factors",
           {.grid = wave.factors.total,
            .block = kTileThreads,
            .shared_bytes = kTileThreads * sizeof(double)},
           adafactor_factors_kernel<T>, wave);
    launch(stream, "adafactor_update",
           {.grid = tiles, .block = kTileThreads, .shared_bytes = kSlots},
           adafactor_update_kernel<T>, wave);
    launch(stream, "adafactor_factor",
           {.grid = wave.matrices.total, .block = kFactorThreads, .shared_bytes = kSlots},
           adafactor_factor_kernel<T>, wave);
    launch(stream, "adafactor_write", {.grid = tiles, .block = kTileThreads},
           adafactor_write_kernel<T>, wave);
  }

  static void vectors(Exec& exec, std::span<const AdafactorVector> items, const AdafactorStep& step,
                      Tensor totals) {
    const AdafactorVectorWave<T> wave = wave_of<T>(items, step, totals);
    const LaunchShape shape{
        .grid = wave.parts.total, .block = kVectorThreads, .shared_bytes = kSlots};
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "adafactor_second", shape, adafactor_second_kernel<T>, wave);
    launch(stream, "adafactor_vector", shape, adafactor_vector_kernel<T>, wave);
  }
};

template struct AdafactorImpl<Backend::cuda, float>;
template struct AdafactorImpl<Backend::cuda, double>;

}  // namespace sy
