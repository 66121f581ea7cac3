// SPDX-License-Identifier: Apache-2.0
// The second half of assigning slots: each choice's position among those of the same expert.
#pragma once

#include "kernels/dispatch/assign_count_cuda.h"

namespace sy {

// The slot, or -1, from an expert, a group and a position among the group's choices of that expert.
struct FixedSlots {
  int64_t groups, capacity;
  __device__ int operator()(int e, int64_t group, int place) const {
    return place < capacity ? static_cast<int>((e * groups + group) * capacity + place) : -1;
  }
};
struct SortedSlots {
  const int32_t* first;
  __device__ int operator()(int e, int64_t, int place) const { return first[e] + place; }
};

// The mask of lanes with the same non-negative `e` as this lane; e has at most `bits` bits.
__device__ unsigned lanes_of_same(int e, int bits) {
  unsigned same = __ballot_sync(kFullWarp, e >= 0);
  for (int bit = 0; bit < bits; ++bit) {
    const bool mine = (e >> bit & 1) != 0;
    const unsigned set = __ballot_sync(kFullWarp, mine);
    same &= mine ? set : ~set;
  }
  return same;
}

// One chunk per block of one warp, 32 choices at a time in order. A choice's position is its
// expert's next one plus the number of lower lanes with the same expert. Traffic: expert, slot and
// token once, and E counts per chunk.
template <class Slots>
__global__ void assign_place_kernel(int32_t* slot, int32_t* token, const int32_t* expert,
                                    const int32_t* next, ChoiceOrder order, int64_t chunks,
                                    int experts, int bits, Slots slots) {
  constexpr int kSteps = kAssignTokens / kWarp;
  int* place = reinterpret_cast<int*>(shared_memory());
  const Chunk chunk(order.size(), chunks);
  int chosen[kSteps];
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    const int at = i * kWarp + lane_id();
    chosen[i] = at < chunk.count ? expert[order.choice(chunk.group, chunk.begin + at)] : -1;
    if (chosen[i] >= experts) chosen[i] = -1;
  }
  for (int e = lane_id(); e < experts; e += kWarp) {
    place[e] = next[int64_t{blockIdx.x} * experts + e];
  }
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    const int e = chosen[i];
    const unsigned same = lanes_of_same(e, bits);
    const int below = __popc(same & ((1u << lane_id()) - 1));
    __syncthreads();  // the previous step's updates are visible
    const int taken = e >= 0 ? place[e] : 0;
    __syncthreads();
    if (e >= 0 && below == 0) place[e] = taken + __popc(same);
    const int at = i * kWarp + lane_id();
    if (at >= chunk.count) continue;
    const int s = e >= 0 ? slots(e, chunk.group, taken + below) : -1;
    const int64_t choice = order.choice(chunk.group, chunk.begin + at);
    slot[choice] = s;
    if (s >= 0) token[s] = order.token(choice);
  }
}

}  // namespace sy
