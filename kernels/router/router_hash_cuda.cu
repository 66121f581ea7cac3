// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/router/router_hash.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;

template <class T>
struct HashRoutes {
  T* gate;
  int32_t* expert;
  const int32_t *ids, *valid;
  int64_t known, vocabulary, experts;
  uint32_t site;
};

// One token per thread. Traffic: 8 bytes read and at most 12 written a token (the minimum).
template <class T>
__global__ void router_hash_kernel(HashRoutes<T> of, int64_t tokens) {
  const int64_t t = int64_t{blockIdx.x} * kThreads + static_cast<int64_t>(threadIdx.x);
  if (t >= tokens) return;
  const int32_t id = t < of.known && of.valid[t] != 0 ? of.ids[t] : -1;
  const bool routed = id >= 0 && id < of.vocabulary;
  of.expert[t] = routed ? hash_expert(id, of.vocabulary, of.experts, of.site) : -1;
  of.gate[t] = routed ? T(1) : T(0);
}

}  // namespace

template <class T>
struct RouterHashImpl<Backend::cuda, T> {
  static void run(Exec& exec, Tensor gate, Tensor expert, Tensor ids, Tensor valid,
                  int64_t vocabulary, int64_t experts, uint32_t site) {
    const HashRoutes<T> of{gate.data<T>(),
                           expert.data<int32_t>(),
                           ids.data<int32_t>(),
                           valid.data<int32_t>(),
                           ids.numel(),
                           vocabulary,
                           experts,
                           site};
    launch(
        cuda(exec).compute, "router_hash",
        {.grid = narrow<unsigned>(ceil_div(valid.numel(), int64_t{kThreads})), .block = kThreads},
        router_hash_kernel<T>, of, valid.numel());
  }
};

template struct RouterHashImpl<Backend::cuda, float>;
template struct RouterHashImpl<Backend::cuda, double>;

}  // namespace sy
