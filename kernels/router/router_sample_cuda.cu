// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/router/router_sample.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;

// One element per thread. Traffic: reads logits once, writes scores once (the minimum); each thread
// computes a Philox block for its word, which is little beside the router's product.
template <class T>
__global__ void router_sample_kernel(T* scores, const T* logits, int64_t count, T inverse,
                                     RandomKey key, uint64_t first) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + static_cast<int64_t>(threadIdx.x);
  if (i >= count) return;
  const T u = static_cast<T>(open_uniform(random_word(key, first + static_cast<uint64_t>(i))));
  scores[i] = logits[i] * inverse - std::log(-std::log(u));
}

}  // namespace

template <class T>
struct RouterSampleImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor scores, Tensor logits, float temperature, const RandomKey& key,
                  int64_t first_row) {
    const int64_t count = logits.numel();
    launch(cuda(exec).compute, "router_sample",
           {.grid = narrow<unsigned>(ceil_div(count, int64_t{kThreads})), .block = kThreads},
           router_sample_kernel<T>, scores.data<T>(), logits.data<T>(), count,
           T(1) / static_cast<T>(temperature), key,
           static_cast<uint64_t>(first_row * logits.cols()));
  }
};

template struct RouterSampleImpl<Backend::cuda, float>;
template struct RouterSampleImpl<Backend::cuda, double>;

}  // namespace sy
