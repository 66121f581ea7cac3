// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/router/logits_backward_cuda.h"
#include "kernels/router/logits_forward_cuda.h"
#include "kernels/router/router_logits.h"

namespace sy {
namespace {

// Minimum tokens per chunk; maximum number of chunks, a few blocks per multiprocessor.
constexpr int64_t kMinChunk = 64, kMaxChunks = 256;

template <class T>
RouterInput<T> input_of(Tensor x, Tensor weight, const RouterJitter& jitter) {
  return {.x = x.data<T>(),
          .weight = weight.data<Compute<T>>(),
          .stream = PhiloxStream(jitter.key),
          .first = static_cast<uint64_t>(jitter.first_row * x.cols()) / kDraws,
          .tokens = x.rows(),
          .d = narrow<int>(x.cols()),
          .experts = narrow<int>(weight.cols()),
          .epsilon = jitter.epsilon};
}

template <int E, class T, class C = Compute<T>>
void fused_forward(Exec& exec, Tensor logits, const RouterInput<T>& of) {
  const int64_t blocks = ceil_div(of.tokens, int64_t{kLogitsWarps} * kLogitsRows);
  launch(cuda(exec).compute, "router_logits",
         {.grid = narrow<unsigned>(std::min<int64_t>(blocks, kLogitsBlocks)),
          .block = kLogitsThreads,
          .shared_bytes = RouterWeight<E, C>::bytes(of.d)},
         router_logits_kernel<E, T>, logits.data<C>(), of);
}

template <int E, class T, class C = Compute<T>>
void fused_backward(Exec& exec, Tensor d_x, Tensor partial, Tensor d_logits,
                    const RouterInput<T>& of, int64_t chunk) {
  launch(cuda(exec).compute, "router_logits_backward",
         {.grid = {narrow<unsigned>(partial.dim(0)), narrow<unsigned>(ceil_div(of.d, kSliceWidth))},
          .block = kSliceThreads,
          .shared_bytes = kStagedRows * E * sizeof(C)},
         router_logits_backward_kernel<E, T>, d_x.data<T>(), partial.data<C>(), d_logits.data<C>(),
         of, chunk);
}

void check_packs(Tensor x, Tensor d_x, Tensor weight) {
  SY_CHECK(is_packed({x.raw(), d_x.raw(), weight.raw()}),
           "router_logits: operands that are not aligned to 16 bytes");
}

}  // namespace

template <class T>
struct RouterLogitsImpl<Backend::cuda, T> {
  using C = Compute<T>;
  static constexpr bool kWide = sizeof(C) == sizeof(float);  // whether kernels for E = 16 exist

  static void forward(Exec& exec, Tensor logits, Tensor x, Tensor weight,
                      const RouterJitter& jitter) {
    if (exec.planning) return;
    const ProfileScope profile(exec.profiler, Part::router);
    check_packs(x, x, weight);
    const RouterInput<T> of = input_of<T>(x, weight, jitter);
    if constexpr (kWide) {
      if (of.experts > 8) return fused_forward<16>(exec, logits, of);
    }
    fused_forward<8>(exec, logits, of);
  }

  static void backward(Exec& exec, Tensor d_x, Tensor d_weight, Tensor d_logits, Tensor x,
                       Tensor weight, const RouterJitter& jitter) {
    const int64_t tokens = x.rows(), d = weight.dim(0), experts = weight.dim(1);
    ScratchScope scratch(exec);
    const int64_t chunk = std::max(kMinChunk, ceil_div(tokens, kMaxChunks));
    const Tensor partial =
        scratch.take(weight.dtype(), {ceil_div(tokens, chunk), experts, d}, "router d_weight");
    if (exec.planning || tokens == 0) return;
    const ProfileScope profile(exec.profiler, Part::router);
    check_packs(x, d_x, weight);
    const RouterInput<T> of = input_of<T>(x, weight, jitter);
    if constexpr (kWide) {
      if (experts > 8) fused_backward<16>(exec, d_x, partial, d_logits, of, chunk);
    }
    if (experts <= 8) fused_backward<8>(exec, d_x, partial, d_logits, of, chunk);
    launch(cuda(exec).compute, "router_chunks",
           {.grid = narrow<unsigned>(ceil_div(d * experts, int64_t{kWarp})),
            .block = kChunkThreads,
            .shared_bytes = kChunkThreads * sizeof(C)},
           router_chunks_kernel<C>, d_weight.data<C>(), partial.data<C>(),
           narrow<int>(partial.dim(0)), of.d, of.experts);
  }
};

template struct RouterLogitsImpl<Backend::cuda, float>;
template struct RouterLogitsImpl<Backend::cuda, double>;
template struct RouterLogitsImpl<Backend::cuda, BFloat16>;

}  // namespace sy
