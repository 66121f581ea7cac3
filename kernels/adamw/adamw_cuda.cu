// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw_rule.h"
#include "kernels/cuda/map.h"
#include "kernels/grad_clip/grad_clip.h"
#include "lib/tensor/bfloat16.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = 4;  // per thread

struct alignas(kElements * sizeof(BFloat16)) Rounded {
  BFloat16 value[kElements];
};

// Four elements per thread. Traffic: reads grad, value and both moments once, writes the latter
// three and the rounded copy of value once (the minimum).
template <class T>
__global__ void adamw_kernel(T* __restrict__ value, T* __restrict__ first, T* __restrict__ second,
                             const T* __restrict__ grad, BFloat16* __restrict__ rounded,
                             const double* clip, int64_t count, bool packed, AdamWRule<T> rule) {
  const double factor = clip_factor(clip);
  if (factor == 0) return;
  const T scale = static_cast<T>(factor);
  const int64_t begin = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * kElements;
  if (packed && begin + kElements <= count) {
    T w[kElements], m[kElements], v[kElements], g[kElements];
    load_packs(w, value + begin);
    load_packs(m, first + begin);
    load_packs(v, second + begin);
    load_packs(g, grad + begin);
#pragma unroll
    for (int i = 0; i < kElements; ++i) rule.apply(w[i], m[i], v[i], g[i] * scale);
    store_packs(value + begin, w);
    store_packs(first + begin, m);
    store_packs(second + begin, v);
    if (rounded == nullptr) return;
    Rounded to;
#pragma unroll
    for (int i = 0; i < kElements; ++i) put(to.value[i], static_cast<float>(w[i]));
    *reinterpret_cast<Rounded*>(rounded + begin) = to;
    return;
  }
  for (int64_t i = begin; i < begin + kElements && i < count; ++i) {
    rule.apply(value[i], first[i], second[i], grad[i] * scale);
    if (rounded != nullptr) put(rounded[i], static_cast<float>(value[i]));
  }
}

}  // namespace

template <class T>
struct AdamWImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor value, Tensor first, Tensor second, Tensor grad,
                  const AdamWStep& step, Tensor rounded) {
    const int64_t count = value.numel();
    const bool packed =
        is_packed({value.raw(), first.raw(), second.raw(), grad.raw(), rounded.raw()});
    const auto blocks = narrow<unsigned>(ceil_div(count, int64_t{kThreads} * kElements));
    launch(cuda(exec).compute, "adamw", {.grid = blocks, .block = kThreads}, adamw_kernel<T>,
           value.data<T>(), first.data<T>(), second.data<T>(), grad.data<T>(),
           rounded.data<BFloat16>(), clip_data(step.clip), count, packed, AdamWRule<T>(step));
  }
};

template struct AdamWImpl<Backend::cuda, float>;
template struct AdamWImpl<Backend::cuda, double>;

}  // namespace sy
