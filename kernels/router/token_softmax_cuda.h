// SPDX-License-Identifier: Apache-2.0
// The router's forward pass, one token per warp, and the sums over a chunk of tokens.
#pragma once

#include <cmath>

#include "kernels/cuda/reduce.h"
#include "kernels/router/router.h"

namespace sy {

constexpr int kRouterThreads = 256;
constexpr int kRouterWarps = kRouterThreads / kWarp;

// The first of the largest of values(0) to values(experts - 1), that of expert `except` aside (-1:
// of all), in every lane: the same as a sequential search finds, with or without NaNs. There is
// one.
template <class T, class Values>
__device__ int largest_of(Values values, int experts, int except, T* largest) {
  int best = except == 0 ? 1 : 0;
  T value = values(best);
  for (int e = lane_id(); e < experts; e += kWarp) {
    const T here = values(e);
    if (e != except && (here > value || (here == value && e < best))) {
      value = here;
      best = e;
    }
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(kFullWarp, value, distance);
    const int place = __shfl_xor_sync(kFullWarp, best, distance);
    if (other > value || (other == value && place < best)) {
      value = other;
      best = place;
    }
  }
  *largest = value;
  return best;
}

template <class T>
__device__ int largest_score(const T* scores, int experts, int except, T* largest) {
  return largest_of([scores](int e) { return scores[e]; }, experts, except, largest);
}

// router_forward's tensors, as pointers to the first token; scores is null if they are the logits.
template <class T>
struct Routed {
  T *probs, *gate, *log_sum;
  int32_t* expert;
  const T *logits, *scores;
  const int32_t* valid;
  int experts;
  bool rounded;
};

// The first of the largest probabilities once they are rounded.
template <class T>
__device__ int largest_rounded(const Routed<T>& to, const T* logits, T largest, T inverse) {
  T probability;
  const auto rounded = [=](int e) {
    return rounded_if(true, std::exp(logits[e] - largest) * inverse);
  };
  return largest_of(rounded, to.experts, -1, &probability);
}

// Routes one token by one warp. A row is read up to three times, but from memory only once.
template <class T>
__device__ void route_token(const Routed<T>& to, int64_t t) {
  const T* logits = to.logits + t * to.experts;
  T* probs = to.probs + t * to.experts;
  T largest;
  int best = largest_score(logits, to.experts, -1, &largest);
  if (to.scores != nullptr) {
    T score;
    best = largest_score(to.scores + t * to.experts, to.experts, -1, &score);
  }
  T total = 0;
  for (int e = lane_id(); e < to.experts; e += kWarp) total += std::exp(logits[e] - largest);
  total = warp_sum(total);
  const T inverse = T(1) / total;
  if (to.rounded && to.scores == nullptr) best = largest_rounded(to, logits, largest, inverse);
  for (int e = lane_id(); e < to.experts; e += kWarp) {
    const T p = rounded_if(to.rounded, std::exp(logits[e] - largest) * inverse);
    probs[e] = p;
    if (e == best) to.gate[t] = to.valid[t] != 0 ? p : T(0);
  }
  if (lane_id() == 0) {
    to.log_sum[t] = rounded_if(to.rounded, largest + std::log(total));
    to.expert[t] = to.valid[t] != 0 ? best : -1;
  }
}

// One chunk of a group's tokens per block, one token per warp; then the chunk's sums, while its
// rows are cached. Traffic: reads logits once, writes probs once (the minimum).
template <class T>
__global__ void router_tokens_kernel(Routed<T> to, T* chunk_probs, double* chunk_z, int64_t size,
                                     int64_t chunks) {
  const int64_t group = blockIdx.x / chunks;
  const int64_t begin = group * size + blockIdx.x % chunks * kRouterTokens;
  const int64_t left = (group + 1) * size - begin;
  const int count = static_cast<int>(left < kRouterTokens ? left : kRouterTokens);
  for (int i = warp_id(); i < count; i += kRouterWarps) route_token(to, begin + i);
  __syncthreads();

  T* sums = chunk_probs + int64_t{blockIdx.x} * 2 * to.experts;
  for (int e = static_cast<int>(threadIdx.x); e < to.experts; e += kRouterThreads) {
    T total = 0, tokens = 0;
    for (int64_t t = begin; t < begin + count; ++t) {
      const int chosen = to.expert[t];
      if (chosen >= 0) total += to.probs[t * to.experts + e];
      if (chosen == e) tokens += T(1);
    }
    sums[e] = total;
    sums[to.experts + e] = tokens;
  }
  if (warp_id() != 0) return;
  static_assert(kRouterTokens == kWarp);
  const bool counts = lane_id() < count && to.expert[begin + lane_id()] >= 0;
  const double log_sum = counts ? static_cast<double>(to.log_sum[begin + lane_id()]) : 0.0;
  const double squares = warp_sum(log_sum * log_sum), tokens = warp_sum(counts ? 1.0 : 0.0);
  if (lane_id() == 0) {
    chunk_z[int64_t{blockIdx.x} * 2] = squares;
    chunk_z[int64_t{blockIdx.x} * 2 + 1] = tokens;
  }
}

}  // namespace sy
