#include "kernels/adafactor.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

// Of a vector, each a block's on CUDA.
constexpr int64_t kPartElements = 4096;
constexpr int64_t kMaxParts = 64;

// The matrices of a batch that are stepped together: on the CPU as many as keep every thread busy,
// and no more: between the three passes over a matrix it stays in cache. On CUDA all: a launch each
// pass for every matrix there is.
int64_t wave_of(const Exec& exec, int64_t batch, int64_t blocks) {
  if (exec.backend == Backend::cuda) return batch;
  return std::min(batch, ceil_div(exec.threads, std::max<int64_t>(blocks, 1)));
}

}  // namespace

void adafactor_matrix(Exec& exec, Tensor value, Tensor row, Tensor col, Tensor grad,
                      const AdafactorStep& step) {
  SY_CHECK(value.rank() == 3 && grad.shape() == value.shape() &&
               row.shape() == Shape({value.dim(0), value.dim(1)}) &&
               col.shape() == Shape({value.dim(0), value.dim(2)}),
           "adafactor: value {}, grad {}, row {}, col {}", value.shape().str(), grad.shape().str(),
           row.shape().str(), col.shape().str());
  const bool on_cuda = exec.backend == Backend::cuda;
  const int64_t batch = value.dim(0), n = value.dim(1), m = value.dim(2);
  const int64_t blocks = ceil_div(n, kAdafactorRows);
  const int64_t chunks = on_cuda ? ceil_div(m, kAdafactorCols) : 1;
  const int64_t wave = wave_of(exec, batch, blocks);
  ScratchScope scratch(exec);
  const Tensor columns = scratch.take(value.dtype(), {wave, blocks + 1, m}, "adafactor columns");
  const Tensor rows =
      on_cuda ? scratch.take(value.dtype(), {wave, chunks + 1, n}, "adafactor rows") : Tensor{};
  const Tensor totals =
      scratch.take(DType::f64, {wave, blocks * chunks + 1, kAdafactorTotals}, "adafactor totals");
  if (exec.planning || value.numel() == 0) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    for (int64_t e = 0; e < batch; e += wave) {
      const int64_t count = std::min(wave, batch - e);
      AdafactorImpl<B, T>::matrix(exec, value.slice(e, count), row.slice(e, count),
                                  col.slice(e, count), grad.slice(e, count), step, columns, rows,
                                  totals);
    }
  });
}

void adafactor_vector(Exec& exec, Tensor value, Tensor second, Tensor grad,
                      const AdafactorStep& step) {
  SY_CHECK(value.rank() == 2 && grad.shape() == value.shape() && second.shape() == value.shape(),
           "adafactor: value {}, grad {}, second {}", value.shape().str(), grad.shape().str(),
           second.shape().str());
  ScratchScope scratch(exec);
  const int64_t parts = std::min(ceil_div(value.dim(1), kPartElements), kMaxParts);
  const Tensor totals = exec.backend == Backend::cuda
                            ? scratch.take(DType::f64, {value.dim(0), parts, 2}, "adafactor totals")
                            : Tensor{};
  if (exec.planning || value.numel() == 0) return;
  dispatch(exec, value.dtype(), "adafactor", [&]<Backend B, class T>() {
    AdafactorImpl<B, T>::vector(exec, value, second, grad, step, totals);
  });
}

}  // namespace sy
