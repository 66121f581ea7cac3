// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/dispatch/shared_slots.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

// First one token per thread, then one of a slot's m places. Traffic: reads and writes slot once,
// reads place_token and writes token once (the minimum).
__global__ void share_slots_kernel(int32_t* slot, int32_t* token, const int32_t* place_token,
                                   int64_t tokens, int64_t entries, int64_t m, int64_t places,
                                   int64_t capacity) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + static_cast<int64_t>(threadIdx.x);
  if (i < tokens) {
    const int64_t s = slot[i];
    if (s < 0) return;
    slot[i] = static_cast<int32_t>(s / places * capacity + rounded_place(s % places));
    return;
  }
  const int64_t entry = i - tokens, s = entry / m;
  if (entry >= entries) return;
  const int64_t at = place_of_sharer(s / capacity, s % capacity, entry % m, places);
  token[entry] = at < 0 ? -1 : place_token[at];
}

// d_gate, one token per warp. Traffic: reads d_out and the tokens' slots once (the minimum).
template <class T>
__global__ void shared_gates_kernel(Compute<T>* d_gate, const T* d_out, const T* slots,
                                    const int32_t* slot, int64_t tokens, int64_t d) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  const int64_t place = slot[t];
  Compute<T> dot = 0;
  for (int64_t c = lane_id(); place >= 0 && c < d; c += kWarp) {
    dot += Compute<T>(d_out[t * d + c]) * Compute<T>(slots[place * d + c]);
  }
  dot = warp_sum(dot);
  if (lane_id() == 0) d_gate[t] = dot;
}

// d_slots, one slot per warp. Traffic: reads d_out of the tokens that have a slot once, writes
// d_slots once (the minimum).
template <class T>
__global__ void shared_slots_kernel(T* d_slots, const T* d_out, const int32_t* token,
                                    const Compute<T>* gate, int64_t slots, int64_t m, int64_t d) {
  const int64_t s = int64_t{blockIdx.x} * kWarps + warp_id();
  if (s >= slots) return;
  for (int64_t c = lane_id(); c < d; c += kWarp) {
    Compute<T> sum = 0;
    for (int64_t i = s * m; i < (s + 1) * m; ++i) {
      if (token[i] >= 0) sum += gate[token[i]] * Compute<T>(d_out[token[i] * d + c]);
    }
    put(d_slots[s * d + c], sum);
  }
}

}  // namespace

template <>
void ShareImpl<Backend::cuda>::run(Exec& exec, Tensor slot, Tensor token, Tensor place_token,
                                   int64_t places, int64_t capacity) {
  const int64_t tokens = slot.numel(), entries = token.numel();
  launch(cuda(exec).compute, "share_slots",
         {.grid = blocks_for(tokens + entries, kThreads), .block = kThreads}, share_slots_kernel,
         slot.data<int32_t>(), token.data<int32_t>(), place_token.data<int32_t>(), tokens, entries,
         token.dim(1), places, capacity);
}

template <class T>
struct SharedSlotsImpl<Backend::cuda, T> {
  // Gates first, as d_slots may be slots.
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    using C = Compute<T>;
    const cudaStream_t stream = cuda(exec).compute;
    const int64_t d = d_out.cols(), tokens = slot.numel(), places = token.dim(0);
    launch(stream, "shared_gates", {.grid = blocks_for(tokens, kWarps), .block = kThreads},
           shared_gates_kernel<T>, d_gate.data<C>(), d_out.data<T>(), slots.data<T>(),
           slot.data<int32_t>(), tokens, d);
    launch(stream, "shared_slots", {.grid = blocks_for(places, kWarps), .block = kThreads},
           shared_slots_kernel<T>, d_slots.data<T>(), d_out.data<T>(), token.data<int32_t>(),
           gate.data<C>(), places, token.dim(1), d);
  }
};

template struct SharedSlotsImpl<Backend::cuda, float>;
template struct SharedSlotsImpl<Backend::cuda, double>;
template struct SharedSlotsImpl<Backend::cuda, BFloat16>;

}  // namespace sy
