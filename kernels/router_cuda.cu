#include <algorithm>
#include <cmath>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/router.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kCountedExperts = 4096;  // whose numbers of tokens lie in a block's shared memory
constexpr size_t kSlots = kWarp * sizeof(double);

constexpr int kDraws = 4;  // words of a Philox block

// out = x * u, a Philox block a thread. A thread's elements are where its block's words are:
// `first` is element 0's word. Bytes: x once, out once, the least.
template <class T>
__global__ void router_jitter_kernel(T* out, const T* x, int64_t count, float epsilon,
                                     RandomKey key, uint64_t first, bool packed) {
  const int64_t draw = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const int64_t begin = draw * kDraws - static_cast<int64_t>(first % kDraws);
  if (begin >= count) return;
  const Philox4 words = philox(key, first / kDraws + static_cast<uint64_t>(draw));
  const bool whole = packed && begin >= 0 && begin + kDraws <= count;
  T value[kDraws];
  if (whole) load_packs(value, x + begin);
#pragma unroll
  for (int i = 0; i < kDraws; ++i) {
    const T factor = 1.0f + epsilon * (2.0f * uniform_from_word(words.word[i]) - 1.0f);
    const int64_t at = begin + i;
    if (whole) {
      value[i] *= factor;
    } else if (at >= 0 && at < count) {
      out[at] = x[at] * factor;
    }
  }
  if (whole) store_packs(out + begin, value);
}

// The first of the largest logits, in every lane: what a loop over all of them from 0 finds, NaN
// among them or not.
template <class T>
__device__ int largest_logit(const T* logits, int experts, T* largest) {
  T value = logits[0];
  int best = 0;
  for (int e = lane_id(); e < experts; e += kWarp) {
    if (logits[e] > value) {
      value = logits[e];
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

// Pointers of router_forward, at its first token.
template <class T>
struct Routed {
  T *probs, *gate, *log_sum;
  int32_t* expert;
  const T* logits;
  const int32_t* valid;
  int experts;
};

// One token by one warp. The row is read three times, but from memory once.
template <class T>
__device__ void route_token(const Routed<T>& to, int64_t t) {
  const T* logits = to.logits + t * to.experts;
  T* probs = to.probs + t * to.experts;
  T largest;
  const int best = largest_logit(logits, to.experts, &largest);
  T total = 0;
  for (int e = lane_id(); e < to.experts; e += kWarp) total += std::exp(logits[e] - largest);
  total = warp_sum(total);
  const T inverse = T(1) / total;
  for (int e = lane_id(); e < to.experts; e += kWarp) {
    const T p = std::exp(logits[e] - largest) * inverse;
    probs[e] = p;
    if (e == best) to.gate[t] = to.valid[t] != 0 ? p : T(0);
  }
  if (lane_id() == 0) {
    to.log_sum[t] = largest + std::log(total);
    to.expert[t] = to.valid[t] != 0 ? best : -1;
  }
}

// A chunk of a group's tokens a block, a token a warp; then the chunk's sums, while its rows are in
// cache. Bytes: logits once, probs once, the least.
template <class T>
__global__ void router_tokens_kernel(Routed<T> to, T* chunk_probs, double* chunk_z, int64_t size,
                                     int64_t chunks) {
  const int64_t group = blockIdx.x / chunks;
  const int64_t begin = group * size + blockIdx.x % chunks * kRouterTokens;
  const int64_t left = (group + 1) * size - begin;
  const int count = static_cast<int>(left < kRouterTokens ? left : kRouterTokens);
  for (int i = warp_id(); i < count; i += kWarps) route_token(to, begin + i);
  __syncthreads();

  T* sums = chunk_probs + int64_t{blockIdx.x} * 2 * to.experts;
  for (int e = static_cast<int>(threadIdx.x); e < to.experts; e += kThreads) {
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

// f and P of 32 experts of a group, an expert a lane, its chunks shared out to the warps; and the
// block's parts of the losses. Bytes: the chunks' sums, a sixteenth of the probabilities.
template <class T>
__global__ void router_groups_kernel(T* fraction, T* mean_prob, double* parts, const T* chunk_probs,
                                     const double* chunk_z, int64_t experts, int64_t chunks,
                                     int64_t slices) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double *probs = slots + kWarp, *tokens = probs + kThreads;
  const int64_t group = blockIdx.x / slices, slice = blockIdx.x % slices;
  const int64_t e = slice * kWarp + lane_id();
  double total = 0, chosen = 0;
  for (int64_t c = warp_id(); c < chunks && e < experts; c += kWarps) {
    const T* sums = chunk_probs + (group * chunks + c) * 2 * experts;
    total += static_cast<double>(sums[e]);
    chosen += static_cast<double>(sums[experts + e]);
  }
  probs[threadIdx.x] = total;
  tokens[threadIdx.x] = chosen;
  double z = 0, valid = 0;
  for (int64_t c = threadIdx.x; c < chunks; c += kThreads) {
    z += chunk_z[(group * chunks + c) * 2];
    valid += chunk_z[(group * chunks + c) * 2 + 1];
  }
  z = block_sum(z, slots);
  valid = block_sum(valid, slots);
  if (warp_id() != 0) return;
  for (int w = 1; w < kWarps; ++w) {
    total += probs[w * kWarp + lane_id()];
    chosen += tokens[w * kWarp + lane_id()];
  }
  const bool any = valid > 0;
  const T f = any ? static_cast<T>(chosen) / static_cast<T>(valid) : T(0);
  const T mean = any ? static_cast<T>(total / valid) : T(0);
  if (e < experts) {
    fraction[group * experts + e] = f;
    mean_prob[group * experts + e] = mean;
  }
  const double products =
      warp_sum(e < experts ? static_cast<double>(f) * static_cast<double>(mean) : 0.0);
  if (lane_id() == 0) {
    parts[blockIdx.x] = static_cast<double>(experts) * products;
    parts[gridDim.x + blockIdx.x] = slice == 0 && any ? z / valid : 0.0;
  }
}

// parts[b] = E * the sum of f P over every gridDim.x-th stretch of kThreads elements.
template <class T>
__global__ void router_balance_kernel(double* parts, const T* fraction, const T* mean_prob,
                                      int64_t count, double experts) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * kThreads) {
    total += static_cast<double>(fraction[i]) * static_cast<double>(mean_prob[i]);
  }
  total = block_sum(total, slots);
  if (threadIdx.x == 0) parts[blockIdx.x] = experts * total;
}

// losses[b] = the sum of row b of parts [gridDim.x, count].
template <class T>
__global__ void router_losses_kernel(T* losses, const double* parts, int64_t count) {
  double* slots = reinterpret_cast<double*>(shared_memory());
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) total += parts[blockIdx.x * count + i];
  total = block_sum(total, slots);
  if (threadIdx.x == 0) losses[blockIdx.x] = static_cast<T>(total);
}

// A group a block of grid.x, kCountedExperts of the experts one of grid.y.
template <class T>
__global__ void router_count_kept_kernel(T* count, const int32_t* expert, const int32_t* slot,
                                         int64_t size, int experts) {
  int* tokens = reinterpret_cast<int*>(shared_memory());
  const int first = static_cast<int>(blockIdx.y) * kCountedExperts;
  const int here = experts - first < kCountedExperts ? experts - first : kCountedExperts;
  for (int e = static_cast<int>(threadIdx.x); e < here; e += kThreads) tokens[e] = 0;
  __syncthreads();
  for (int64_t i = threadIdx.x; i < size; i += kThreads) {
    const int64_t t = blockIdx.x * size + i;
    if (expert[t] < 0) continue;
    const int e = (slot[t] < 0 ? 0 : expert[t]) - first;
    if (e >= 0 && e < here) atomicAdd(tokens + e, 1);
  }
  __syncthreads();
  T* counts = count + int64_t{blockIdx.x} * experts + first;
  for (int e = static_cast<int>(threadIdx.x); e < here; e += kThreads) {
    counts[e] += static_cast<T>(tokens[e]);
  }
}

// share[g] = 1 / the valid tokens of group g, 0 without any; a group a block.
__global__ void router_share_kernel(double* share, const int32_t* valid, int64_t size) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int count = 0;
  for (int64_t i = threadIdx.x; i < size; i += kThreads) count += valid[blockIdx.x * size + i] != 0;
  count = block_sum(count, slots);
  if (threadIdx.x == 0) share[blockIdx.x] = count == 0 ? 0.0 : 1.0 / static_cast<double>(count);
}

// Pointers of router_backward; the scales are without the group's share.
template <class T>
struct RouterGradient {
  T* d_logits;
  const T *d_gate, *probs, *log_sum, *fraction;
  const int32_t *expert, *valid;
  const double* share;
  double balance, z;
};

// A token a warp; the formula is router_cpu.cpp's backward_row. Bytes: probs once, d_logits once,
// the least (the second reading is from cache).
template <class T>
__global__ void router_backward_kernel(RouterGradient<T> of, int64_t tokens, int64_t size,
                                       int experts) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  T* d_logits = of.d_logits + t * experts;
  if (of.valid[t] == 0) {
    for (int e = lane_id(); e < experts; e += kWarp) d_logits[e] = T(0);
    return;
  }
  const int64_t group = t / size;
  const T balance = static_cast<T>(of.balance * of.share[group]);
  const T z = static_cast<T>(of.z * of.share[group]);
  const T *p = of.probs + t * experts, *f = of.fraction + group * experts;
  const int chosen = of.expert[t];
  T dot = 0;
  for (int e = lane_id(); e < experts; e += kWarp) dot += p[e] * f[e];
  const T gate = p[chosen] * of.d_gate[t];
  const T shared = z * of.log_sum[t] - gate - balance * warp_sum(dot);
  for (int e = lane_id(); e < experts; e += kWarp) {
    const T through = p[e] * (balance * f[e] + shared);
    d_logits[e] = e == chosen ? through + gate : through;
  }
}

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

}  // namespace

template <class T>
struct RouterImpl<Backend::cuda, T> {
  static void jitter(Exec& exec, Tensor out, Tensor x, float epsilon, const RandomKey& key,
                     int64_t first_row) {
    const cudaStream_t stream = cuda(exec).compute;
    if (epsilon == 0) {
      if (out.raw() == x.raw()) return;
      check_cuda(cudaMemcpyAsync(out.raw(), x.raw(), static_cast<size_t>(x.bytes()),
                                 cudaMemcpyDeviceToDevice, stream),
                 "router_jitter");
      return;
    }
    const uint64_t first = static_cast<uint64_t>(first_row * x.cols());
    const int64_t skip = static_cast<int64_t>(first % kDraws);
    const bool packed = skip == 0 && is_packed({out.raw(), x.raw()});
    launch(stream, "router_jitter",
           {.grid = blocks_for(x.numel() == 0 ? 0 : x.numel() + skip, int64_t{kThreads} * kDraws),
            .block = kThreads},
           router_jitter_kernel<T>, out.data<T>(), x.data<T>(), x.numel(), epsilon, key, first,
           packed);
  }

  static void forward(Exec& exec, Tensor probs, Tensor gate, Tensor log_sum, Tensor expert,
                      Tensor fraction, Tensor mean_prob, Tensor losses, Tensor logits, Tensor valid,
                      const RouterScratch& scratch) {
    const int64_t tokens = logits.dim(0), experts = logits.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups, chunks = ceil_div(size, kRouterTokens);
    const int64_t slices = ceil_div(experts, kRouterExperts);
    const cudaStream_t stream = cuda(exec).compute;
    const Routed<T> to{probs.data<T>(),        gate.data<T>(),   log_sum.data<T>(),
                       expert.data<int32_t>(), logits.data<T>(), valid.data<int32_t>(),
                       narrow<int>(experts)};
    double* parts = scratch.parts.data<double>();
    launch(stream, "router_tokens", {.grid = narrow<unsigned>(groups * chunks), .block = kThreads},
           router_tokens_kernel<T>, to, scratch.chunk_probs.data<T>(),
           scratch.chunk_z.data<double>(), size, chunks);
    launch(stream, "router_groups",
           {.grid = narrow<unsigned>(groups * slices),
            .block = kThreads,
            .shared_bytes = kSlots + 2 * kThreads * sizeof(double)},
           router_groups_kernel<T>, fraction.data<T>(), mean_prob.data<T>(), parts,
           scratch.chunk_probs.data<T>(), scratch.chunk_z.data<double>(), experts, chunks, slices);
    launch(stream, "router_losses", {.grid = 2, .block = kThreads, .shared_bytes = kSlots},
           router_losses_kernel<T>, losses.data<T>(), parts, groups * slices);
  }

  static void count_kept(Exec& exec, Tensor count, Tensor expert, Tensor slot) {
    const int64_t groups = count.dim(0), experts = count.dim(1);
    launch(cuda(exec).compute, "router_count_kept",
           {.grid = dim3(narrow<unsigned>(groups), blocks_for(experts, kCountedExperts)),
            .block = kThreads,
            .shared_bytes = kCountedExperts * sizeof(int)},
           router_count_kept_kernel<T>, count.data<T>(), expert.data<int32_t>(),
           slot.data<int32_t>(), expert.numel() / groups, narrow<int>(experts));
  }

  static void balance(Exec& exec, Tensor loss, Tensor fraction, Tensor mean_prob, Tensor parts) {
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "router_balance",
           {.grid = narrow<unsigned>(parts.numel()), .block = kThreads, .shared_bytes = kSlots},
           router_balance_kernel<T>, parts.data<double>(), fraction.data<T>(), mean_prob.data<T>(),
           fraction.numel(), fraction.dim(1));
    launch(stream, "router_losses", {.block = kThreads, .shared_bytes = kSlots},
           router_losses_kernel<T>, loss.data<T>(), parts.data<double>(), parts.numel());
  }

  static void backward(Exec& exec, Tensor d_logits, Tensor d_gate, Tensor probs, Tensor log_sum,
                       Tensor expert, Tensor fraction, Tensor valid, double balance_scale,
                       double z_scale, Tensor share) {
    const int64_t tokens = probs.dim(0), experts = probs.dim(1), groups = fraction.dim(0);
    const int64_t size = tokens / groups;
    const cudaStream_t stream = cuda(exec).compute;
    launch(stream, "router_share",
           {.grid = narrow<unsigned>(groups), .block = kThreads, .shared_bytes = kSlots},
           router_share_kernel, share.data<double>(), valid.data<int32_t>(), size);
    const RouterGradient<T> of{
        d_logits.data<T>(),    d_gate.data<T>(),     probs.data<T>(),
        log_sum.data<T>(),     fraction.data<T>(),   expert.data<int32_t>(),
        valid.data<int32_t>(), share.data<double>(), balance_scale * static_cast<double>(experts),
        2.0 * z_scale};
    launch(stream, "router_backward", {.grid = blocks_for(tokens, kWarps), .block = kThreads},
           router_backward_kernel<T>, of, tokens, size, narrow<int>(experts));
  }
};

template struct RouterImpl<Backend::cuda, float>;
template struct RouterImpl<Backend::cuda, double>;

}  // namespace sy
