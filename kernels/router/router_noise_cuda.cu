// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/router/router_noise.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;

// One element per thread, in both. Traffic: each tensor once (the minimum); each thread computes a
// Philox block for its two words, which is little beside the router's products.
template <class T>
__global__ void router_noise_kernel(T* noisy, const T* logits, const T* raw, int64_t count,
                                    RandomKey key, int64_t first) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const T eps = normal_draw<T>(key, static_cast<uint64_t>(first + i));
  noisy[i] = logits[i] + eps * softplus(raw[i]);
}
template <class T>
__global__ void router_noise_backward_kernel(T* d_raw, const T* d_noisy, const T* d_scale,
                                             const T* raw, int64_t count, RandomKey key,
                                             int64_t first) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const T eps = normal_draw<T>(key, static_cast<uint64_t>(first + i));
  const T d = d_noisy[i] * eps + (d_scale == nullptr ? T(0) : d_scale[i]);
  d_raw[i] = d * sigmoid(raw[i]);
}

LaunchShape element_per_thread(int64_t count) {
  return {.grid = narrow<unsigned>(ceil_div(count, int64_t{kThreads})), .block = kThreads};
}

}  // namespace

template <class T>
struct RouterNoiseImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor noisy, Tensor logits, Tensor raw, const NoiseDraw& draw) {
    launch(cuda(exec).compute, "router_noise", element_per_thread(raw.numel()),
           router_noise_kernel<T>, noisy.data<T>(), logits.data<T>(), raw.data<T>(), raw.numel(),
           draw.key, draw.first_row * raw.cols());
  }

  static void backward(Exec& exec, Tensor d_raw, Tensor d_noisy, Tensor d_scale, Tensor raw,
                       const NoiseDraw& draw) {
    launch(cuda(exec).compute, "router_noise_backward", element_per_thread(raw.numel()),
           router_noise_backward_kernel<T>, d_raw.data<T>(), d_noisy.data<T>(),
           d_scale.empty() ? nullptr : d_scale.data<T>(), raw.data<T>(), raw.numel(), draw.key,
           draw.first_row * raw.cols());
  }
};

template struct RouterNoiseImpl<Backend::cuda, float>;
template struct RouterNoiseImpl<Backend::cuda, double>;

}  // namespace sy
