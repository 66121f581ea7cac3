#include "kernels/adafactor.h"
#include "kernels/cuda/adafactor_matrix.h"
#include "kernels/cuda/adafactor_vector.h"

namespace sy {
namespace {

constexpr size_t kSlots = kWarp * sizeof(double);

}  // namespace

template <class T>
struct AdafactorImpl<Backend::cuda, T> {
  static void matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                     const AdafactorStep& step, Tensor columns, Tensor rows, Tensor totals) {
    const int64_t batch = value.dim(0), n = value.dim(1), m = value.dim(2);
    const bool packed = m % kLaneColumns == 0 && is_packed({value.raw(), grad.raw()});
    const AdafactorBatch<T> all{value.data<T>(),
                                row.data<T>(),
                                col.data<T>(),
                                grad.data<T>(),
                                columns.data<T>(),
                                rows.data<T>(),
                                reinterpret_cast<AdafactorTotals*>(totals.data<double>()),
                                clip_data(step.clip),
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
           {.grid = tiles,
            .block = kTileThreads,
            .shared_bytes = kSlots + kTileWarps * kTileCols * sizeof(T)},
           adafactor_sums_kernel<T>, all);
    launch(stream, "adafactor_factors",
           {.grid = factors, .block = kTileThreads, .shared_bytes = kTileThreads * sizeof(double)},
           adafactor_factors_kernel<T>, all);
    launch(stream, "adafactor_update",
           {.grid = tiles, .block = kTileThreads, .shared_bytes = kSlots},
           adafactor_update_kernel<T>, all);
    launch(stream, "adafactor_factor",
           {.grid = narrow<unsigned>(batch), .block = kFactorThreads, .shared_bytes = kSlots},
           adafactor_factor_kernel<T>, all);
    launch(stream, "adafactor_write", {.grid = tiles, .block = kTileThreads},
           adafactor_write_kernel<T>, all);
  }

  static void vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                     const AdafactorStep& step, Tensor totals) {
    const AdafactorVectors<T> all{
        value.data<T>(),      second.data<T>(), grad.data<T>(), totals.data<double>(),
        clip_data(step.clip), value.dim(1),     totals.dim(1),  step};
    const LaunchShape shape{.grid = narrow<unsigned>(value.dim(0) * totals.dim(1)),
                            .block = kVectorThreads,
                            .shared_bytes = kSlots};
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "adafactor_second", shape, adafactor_second_kernel<T>, all);
    launch(stream, "adafactor_vector", shape, adafactor_vector_kernel<T>, all);
  }
};

template struct AdafactorImpl<Backend::cuda, float>;
template struct AdafactorImpl<Backend::cuda, double>;

}  // namespace sy
