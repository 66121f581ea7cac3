#include "kernels/elementwise.h"

#include <algorithm>
#include <cstring>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kChunkBytes = 1 << 20;  // what a thread sets or copies at a time

void check_same(const char* op, Tensor x, Tensor y) {
  SY_CHECK(x.numel() == y.numel() && x.dtype() == y.dtype(), "{}: {} {} and {} {}", op,
           name_of(x.dtype()), x.shape().str(), name_of(y.dtype()), y.shape().str());
}

// Calls chunk(offset, bytes) for the pieces of `bytes` bytes, in parallel.
template <class Chunk>
void for_each_chunk(const Exec& exec, int64_t bytes, Chunk&& chunk) {
  const int64_t chunks = ceil_div(bytes, kChunkBytes);
#pragma omp parallel for schedule(static) num_threads(exec.threads) if (chunks > 1)
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t at = i * kChunkBytes;
    chunk(at, static_cast<size_t>(std::min(kChunkBytes, bytes - at)));
  }
}

double total(Exec& exec, Tensor x, bool squares) {
  if (exec.planning || x.numel() == 0) return 0;
  const ProfileScope profile(exec.profiler, Part::other);
  double result = 0;
  dispatch(exec, x.dtype(), "sum",
           [&]<Backend B, class T>() { result = ElementwiseImpl<B, T>::sum(exec, x, squares); });
  return result;
}

}  // namespace

void fill_zero(Exec& exec, Tensor x) {
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("fill_zero");
  const ProfileScope profile(exec.profiler, Part::other);
  char* to = static_cast<char*>(x.raw());
  for_each_chunk(exec, x.bytes(),
                 [=](int64_t at, size_t bytes) { std::memset(to + at, 0, bytes); });
}

void copy(Exec& exec, Tensor out, Tensor x) {
  check_same("copy", out, x);
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("copy");
  const ProfileScope profile(exec.profiler, Part::other);
  char* to = static_cast<char*>(out.raw());
  const char* from = static_cast<const char*>(x.raw());
  for_each_chunk(exec, x.bytes(),
                 [=](int64_t at, size_t bytes) { std::memcpy(to + at, from + at, bytes); });
}

void cast(Exec& exec, Tensor out, Tensor x) {
  if (out.dtype() == x.dtype()) return copy(exec, out, x);
  const bool narrows = out.dtype() == DType::bf16;
  SY_CHECK(out.numel() == x.numel() && (narrows ? x : out).dtype() == DType::f32 &&
               (narrows ? out : x).dtype() == DType::bf16,
           "cast: {} {} from {} {}", name_of(out.dtype()), out.shape().str(), name_of(x.dtype()),
           x.shape().str());
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("cast");
  const ProfileScope profile(exec.profiler, Part::other);
  narrows ? CastImpl<Backend::cpu>::narrow(exec, out, x)
          : CastImpl<Backend::cpu>::widen(exec, out, x);
}

void round_to_bfloat16(Exec& exec, Tensor x) {
  SY_CHECK(x.dtype() == DType::f32, "round_to_bfloat16: {}", name_of(x.dtype()));
  if (exec.planning || x.numel() == 0) return;
  if (exec.backend == Backend::cuda) throw_no_cuda("round_to_bfloat16");
  const ProfileScope profile(exec.profiler, Part::other);
  CastImpl<Backend::cpu>::round(exec, x);
}

void scale_inplace(Exec& exec, Tensor x, double factor) {
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_activations(exec, x.dtype(), "scale_inplace", [&]<Backend B, class T>() {
    ElementwiseImpl<B, T>::scale(exec, x, factor);
  });
}

void add_inplace(Exec& exec, Tensor x, Tensor y) {
  check_same("add_inplace", x, y);
  if (exec.planning || x.numel() == 0) return;
  const ProfileScope profile(exec.profiler, Part::other);
  dispatch_activations(exec, x.dtype(), "add_inplace",
                       [&]<Backend B, class T>() { ElementwiseImpl<B, T>::add(exec, x, y); });
}

double sum(Exec& exec, Tensor x) {
  return total(exec, x, false);
}
double sum_of_squares(Exec& exec, Tensor x) {
  return total(exec, x, true);
}

}  // namespace sy
