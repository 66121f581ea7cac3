// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/reduce.h"
#include "kernels/cuda/scan.h"
#include "kernels/router/router_expert_choice.h"
#include "lib/base/numeric.h"
#include "lib/tensor/cuda/cuda_context.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr size_t kSlots = kWarp * sizeof(int);

template <class T>
struct ExpertChoices {
  T* gate;
  int32_t *slot, *token, *taken;
  const T* probs;
  const int32_t* valid;
  ChoiceKey<T>* keys;  // null: in shared memory
  CapacityRule rule;
  int64_t groups, size, capacity;
  int experts;
};

// How many of the group's keys are at least `least`. A thread reads the keys that it wrote.
template <class Key>
__device__ int count_keys(const Key* keys, int64_t size, Key least, int* slots) {
  int count = 0;
  for (int64_t i = threadIdx.x; i < size; i += blockDim.x) count += keys[i] >= least ? 1 : 0;
  return block_sum(count, slots);
}

// The largest number that at least `wanted` keys reach: the wanted-th largest key. Found bit by
// bit.
template <class Key>
__device__ Key smallest_taken(const Key* keys, int64_t size, int wanted, int* slots) {
  Key least = 0;
  for (int bit = 8 * static_cast<int>(sizeof(Key)) - 1; bit >= 0; --bit) {
    const Key higher = least | (Key{1} << bit);
    if (count_keys(keys, size, higher, slots) >= wanted) least = higher;
  }
  return least;
}

// One expert and group per block, of no more threads than the group has tokens; neighbouring blocks
// read the same sectors of probs. Traffic: reads probs and writes slot, gate and token once (the
// minimum).
template <class T>
__global__ void __launch_bounds__(kThreads) router_expert_choice_kernel(ExpertChoices<T> of) {
  using Key = ChoiceKey<T>;
  int* slots = reinterpret_cast<int*>(shared_memory());
  const int64_t group = blockIdx.x / of.experts, e = blockIdx.x % of.experts;
  const int64_t begin = group * of.size, first_slot = (e * of.groups + group) * of.capacity;
  Key* keys = of.keys != nullptr ? of.keys + int64_t{blockIdx.x} * of.size
                                 : reinterpret_cast<Key*>(shared_memory() + kSlots);
  int routed = 0;
  for (int64_t i = threadIdx.x; i < of.size; i += blockDim.x) {
    const bool is_valid = of.valid[begin + i] != 0;
    keys[i] = is_valid ? choice_key(of.probs[(begin + i) * of.experts + e]) : Key{0};
    routed += is_valid ? 1 : 0;
  }
  const int wanted = static_cast<int>(of.rule.of(block_sum(routed, slots)));
  const Key least = smallest_taken(keys, of.size, wanted, slots);
  // Those equal to the smallest that still have a place; with wanted 0 no key reaches `least`.
  int ties = wanted > 0 ? wanted - count_keys(keys, of.size, Key(least + 1), slots) : 0;
  int placed = 0;
  for (int64_t begin_step = 0; begin_step < of.size; begin_step += blockDim.x) {
    const int64_t i = begin_step + threadIdx.x;
    const Key key = i < of.size ? keys[i] : Key{0};
    int equal = 0, taken = 0;
    const int equal_before = block_exclusive_sum(key == least ? 1 : 0, slots, &equal);
    const bool takes = key > least || (key == least && equal_before < ties);
    const int place = placed + block_exclusive_sum(takes ? 1 : 0, slots, &taken);
    ties -= equal;
    placed += taken;
    if (i >= of.size) continue;
    const int64_t at = (begin + i) * of.experts + e;
    of.slot[at] = takes ? static_cast<int32_t>(first_slot + place) : -1;
    of.gate[at] = takes ? of.probs[at] : T(0);
    if (takes) of.token[first_slot + place] = static_cast<int32_t>(begin + i);
  }
  for (int64_t i = wanted + static_cast<int64_t>(threadIdx.x); i < of.capacity; i += blockDim.x) {
    of.token[first_slot + i] = -1;
  }
  if (e == 0 && threadIdx.x == 0) of.taken[group] = wanted;
}

// missed[block] = of kChoiceTokens tokens, those that are valid and have no slot. One token per
// warp at a time. Traffic: reads slot once (the minimum).
static __global__ void router_missed_kernel(int32_t* missed, const int32_t* slot,
                                            const int32_t* valid, int64_t tokens, int experts) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  const int64_t begin = int64_t{blockIdx.x} * kChoiceTokens;
  const int64_t end = begin + kChoiceTokens < tokens ? begin + kChoiceTokens : tokens;
  int count = 0;
  for (int64_t t = begin + warp_id(); t < end; t += kWarps) {
    int taken = 0;
    for (int e = lane_id(); e < experts; e += kWarp) taken += slot[t * experts + e] >= 0 ? 1 : 0;
    if (warp_sum(taken) == 0 && valid[t] != 0 && lane_id() == 0) ++count;
  }
  count = block_sum(count, slots);
  if (threadIdx.x == 0) missed[blockIdx.x] = count;
}

// counts[e] = the sum of `taken`, which is every expert's; counts[experts] = the sum of `missed`.
// One block.
static __global__ void router_expert_counts_kernel(int32_t* counts, const int32_t* taken,
                                                   int64_t groups, const int32_t* missed,
                                                   int64_t blocks, int experts) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int each = 0, none = 0;
  for (int64_t g = threadIdx.x; g < groups; g += kThreads) each += taken[g];
  for (int64_t b = threadIdx.x; b < blocks; b += kThreads) none += missed[b];
  each = block_sum(each, slots);
  none = block_sum(none, slots);
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) counts[e] = each;
  if (threadIdx.x == 0) counts[experts] = none;
}

// One token per warp. Traffic: reads probs and d_gate, reads and writes d_logits (the minimum; the
// second read of probs and d_gate is from cache).
template <class T>
__global__ void router_expert_choice_backward_kernel(T* d_logits, const T* d_gate, const T* probs,
                                                     int64_t tokens, int experts) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  const T *p = probs + t * experts, *d_g = d_gate + t * experts;
  T dot = 0;
  for (int e = lane_id(); e < experts; e += kWarp) dot += p[e] * d_g[e];
  dot = warp_sum(dot);
  for (int e = lane_id(); e < experts; e += kWarp) {
    d_logits[t * experts + e] += p[e] * (d_g[e] - dot);
  }
}

}  // namespace

template <class T>
struct RouterExpertChoiceImpl<Backend::cuda, T> {
  static void forward(Exec& exec, Tensor gate, Tensor slot, Tensor token, Tensor counts,
                      Tensor probs, Tensor valid, int64_t groups, const CapacityRule& rule,
                      const ExpertChoiceScratch& scratch) {
    const int64_t tokens = probs.dim(0), size = tokens / groups;
    const int experts = narrow<int>(probs.dim(1));
    const cudaStream_t stream = cuda(exec).compute;
    const bool outside = !scratch.keys.empty();
    const ExpertChoices<T> of{
        gate.data<T>(),
        slot.data<int32_t>(),
        token.data<int32_t>(),
        scratch.taken.data<int32_t>(),
        probs.data<T>(),
        valid.data<int32_t>(),
        outside ? reinterpret_cast<ChoiceKey<T>*>(scratch.keys.data<T>()) : nullptr,
        rule,
        groups,
        size,
        rule.of(size),
        experts};
    const size_t keys = outside ? 0 : static_cast<size_t>(size) * sizeof(T);
    launch(stream, "router_expert_choice",
           {.grid = narrow<unsigned>(groups * experts),
            .block = narrow<unsigned>(std::min<int64_t>(kThreads, round_up(size, int64_t{kWarp}))),
            .shared_bytes = kSlots + keys},
           router_expert_choice_kernel<T>, of);
    launch(stream, "router_missed",
           {.grid = narrow<unsigned>(scratch.missed.numel()),
            .block = kThreads,
            .shared_bytes = kSlots},
           router_missed_kernel, scratch.missed.data<int32_t>(), of.slot, of.valid, tokens,
           experts);
    launch(stream, "router_expert_counts", {.block = kThreads, .shared_bytes = kSlots},
           router_expert_counts_kernel, counts.data<int32_t>(), of.taken, groups,
           scratch.missed.data<int32_t>(), scratch.missed.numel(), experts);
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs) {
    const int64_t tokens = probs.dim(0);
    launch(cuda(exec).compute, "router_expert_choice_backward",
           {.grid = narrow<unsigned>(ceil_div(tokens, int64_t{kWarps})), .block = kThreads},
           router_expert_choice_backward_kernel<T>, d_logits.data<T>(), d_gate.data<T>(),
           probs.data<T>(), tokens, narrow<int>(probs.dim(1)));
  }
};

template struct RouterExpertChoiceImpl<Backend::cuda, float>;
template struct RouterExpertChoiceImpl<Backend::cuda, double>;

}  // namespace sy
