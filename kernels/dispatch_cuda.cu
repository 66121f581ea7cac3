#include <bit>
#include <limits>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"
#include "kernels/cuda/scan.h"
#include "kernels/dispatch.h"

namespace sy {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr size_t kSlots = kWarp * sizeof(int);

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

// The tokens [begin, begin + count) of group `group` that a block has: chunk blockIdx.x of all.
struct Chunk {
  int64_t group, begin;
  int count;
  __device__ Chunk(int64_t size, int64_t chunks) {
    group = blockIdx.x / chunks;
    begin = group * size + blockIdx.x % chunks * kAssignTokens;
    const int64_t left = (group + 1) * size - begin;
    count = static_cast<int>(left < kAssignTokens ? left : kAssignTokens);
  }
};

// next[chunk] = the tokens of the chunk that chose each expert, by a thread a token. An expert that
// does not exist counts as dropped.
__global__ void assign_count_kernel(int32_t* next, int32_t* dropped, const int32_t* expert,
                                    int64_t size, int64_t chunks, int experts) {
  static_assert(kAssignTokens == kThreads);
  int* routed = reinterpret_cast<int*>(shared_memory());
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) routed[e] = 0;
  __syncthreads();
  const Chunk chunk(size, chunks);
  if (static_cast<int>(threadIdx.x) < chunk.count) {
    const int e = expert[chunk.begin + threadIdx.x];
    if (e >= 0 && e < experts) {
      atomicAdd(routed + e, 1);
    } else if (e != -1) {
      atomicAdd(dropped, 1);
    }
  }
  __syncthreads();
  int32_t* to = next + int64_t{blockIdx.x} * experts;
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) to[e] = routed[e];
}

constexpr int kScanned = 16;  // counts that a thread has on their way at once

// x[i * stride] for i < count becomes the sum of those before; returns the sum of all.
__device__ int exclusive_sums(int32_t* x, int64_t count, int64_t stride) {
  int total = 0;
  for (int64_t first = 0; first < count; first += kScanned) {
    int here[kScanned];
#pragma unroll
    for (int i = 0; i < kScanned; ++i) {
      here[i] = first + i < count ? x[(first + i) * stride] : 0;
    }
#pragma unroll
    for (int i = 0; i < kScanned; ++i) {
      if (first + i < count) x[(first + i) * stride] = total;
      total += here[i];
    }
  }
  return total;
}

// next[chunk] becomes the places that the group's chunks before it took of each expert, an expert
// of a group a thread; counts, which were zero, get the groups' totals, and what is past the
// capacity.
__global__ void assign_scan_kernel(int32_t* next, int32_t* counts, int64_t groups, int64_t chunks,
                                   int64_t experts, int64_t capacity) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const int64_t group = i / experts, e = i % experts;
  int past = 0;
  if (group < groups) {
    const int total = exclusive_sums(next + group * chunks * experts + e, chunks, experts);
    if (total > 0) atomicAdd(counts + e, total);
    if (total > capacity) past = total - static_cast<int>(capacity);
  }
  past = block_sum(past, slots);
  if (threadIdx.x == 0 && past > 0) atomicAdd(counts + experts, past);
}

// first[e] = the sum of counts before e; one block.
__global__ void expert_starts_kernel(int32_t* first, const int32_t* counts, int experts) {
  int* slots = reinterpret_cast<int*>(shared_memory());
  int before = 0;
  for (int begin = 0; begin < experts; begin += kThreads) {
    const int e = begin + static_cast<int>(threadIdx.x);
    int total = 0;
    const int start = block_exclusive_sum(e < experts ? counts[e] : 0, slots, &total);
    if (e < experts) first[e] = before + start;
    before += total;
  }
}

// From an expert, a group and a place among the group's tokens that chose it: the slot, or -1.
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

// The lanes whose `e` is this lane's, which is not negative and has at most `bits` bits.
__device__ unsigned lanes_of_same(int e, int bits) {
  unsigned same = __ballot_sync(kFullWarp, e >= 0);
  for (int bit = 0; bit < bits; ++bit) {
    const bool mine = (e >> bit & 1) != 0;
    const unsigned set = __ballot_sync(kFullWarp, mine);
    same &= mine ? set : ~set;
  }
  return same;
}

// A chunk a block of one warp, 32 tokens at a time in their order: a token's place is its expert's
// next one and the lanes below that chose the same. Bytes: expert, slot and token once and E counts
// a chunk.
template <class Slots>
__global__ void assign_place_kernel(int32_t* slot, int32_t* token, const int32_t* expert,
                                    const int32_t* next, int64_t size, int64_t chunks, int experts,
                                    int bits, Slots slots) {
  constexpr int kSteps = kAssignTokens / kWarp;
  int* place = reinterpret_cast<int*>(shared_memory());
  const Chunk chunk(size, chunks);
  int chosen[kSteps];
#pragma unroll
  for (int i = 0; i < kSteps; ++i) {
    const int at = i * kWarp + lane_id();
    chosen[i] = at < chunk.count ? expert[chunk.begin + at] : -1;
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
    __syncthreads();  // what the step before left
    const int taken = e >= 0 ? place[e] : 0;
    __syncthreads();
    if (e >= 0 && below == 0) place[e] = taken + __popc(same);
    const int at = i * kWarp + lane_id();
    if (at >= chunk.count) continue;
    const int s = e >= 0 ? slots(e, chunk.group, taken + below) : -1;
    slot[chunk.begin + at] = s;
    if (s >= 0) token[s] = static_cast<int32_t>(chunk.begin + at);
  }
}

struct GlobalRow {
  int64_t first_row;
  __device__ int32_t operator()(int32_t token, int32_t) const {
    return token < 0 ? -1 : static_cast<int32_t>(first_row + token);
  }
};

struct Assignment {
  Tensor slot, token, counts, expert, next;
  int64_t groups, chunks;  // chunks of a group

  int experts() const { return narrow<int>(counts.numel() - 1); }
  int64_t size() const { return expert.numel() / groups; }
  size_t table_bytes() const { return static_cast<size_t>(experts()) * sizeof(int); }
  unsigned blocks() const { return narrow<unsigned>(groups * chunks); }
};

// Up to where every expert's places begin.
void count_tokens(cudaStream_t stream, const Assignment& a, int64_t capacity) {
  constexpr size_t kTableBytes = 48 << 10;  // what a block may have without asking
  SY_CHECK(a.table_bytes() <= kTableBytes, "{} experts, at most {} on CUDA", a.experts(),
           kTableBytes / sizeof(int));
  check_cuda(cudaMemsetAsync(a.counts.raw(), 0, static_cast<size_t>(a.counts.bytes()), stream),
             "assign_slots");
  check_cuda(cudaMemsetAsync(a.token.raw(), 0xff, static_cast<size_t>(a.token.bytes()), stream),
             "assign_slots");  // -1
  int32_t *next = a.next.data<int32_t>(), *counts = a.counts.data<int32_t>();
  launch(stream, "assign_count",
         {.grid = a.blocks(), .block = kThreads, .shared_bytes = a.table_bytes()},
         assign_count_kernel, next, counts + a.experts(), a.expert.data<int32_t>(), a.size(),
         a.chunks, a.experts());
  launch(stream, "assign_scan",
         {.grid = blocks_for(a.groups * a.experts(), kThreads),
          .block = kThreads,
          .shared_bytes = kSlots},
         assign_scan_kernel, next, counts, a.groups, a.chunks, a.experts(), capacity);
}

template <class Slots>
void place_tokens(cudaStream_t stream, const Assignment& a, const Slots& slots) {
  const int bits = std::bit_width(static_cast<unsigned>(a.experts() - 1));
  launch(stream, "assign_place",
         {.grid = a.blocks(), .block = kWarp, .shared_bytes = a.table_bytes()},
         assign_place_kernel<Slots>, a.slot.data<int32_t>(), a.token.data<int32_t>(),
         a.expert.data<int32_t>(), a.next.data<int32_t>(), a.size(), a.chunks, a.experts(), bits,
         slots);
}

}  // namespace

template <>
void AssignImpl<Backend::cuda>::fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                      Tensor expert, int64_t groups, int64_t capacity,
                                      Tensor next) {
  const cudaStream_t stream = cuda(exec).compute;
  const Assignment a{slot, token, counts, expert, next, groups, next.dim(0) / groups};
  count_tokens(stream, a, capacity);
  place_tokens(stream, a, FixedSlots{groups, capacity});
}

template <>
void AssignImpl<Backend::cuda>::dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                         Tensor expert, Tensor next) {
  const cudaStream_t stream = cuda(exec).compute;
  const Assignment a{slot, token, counts, expert, next, 1, next.dim(0) - 1};
  count_tokens(stream, a, std::numeric_limits<int32_t>::max());
  int32_t* first = next.at(a.chunks).data<int32_t>();
  launch(stream, "expert_starts", {.block = kThreads, .shared_bytes = kSlots}, expert_starts_kernel,
         first, counts.data<int32_t>(), a.experts());
  place_tokens(stream, a, SortedSlots{first});
}

template <>
void AssignImpl<Backend::cuda>::row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row) {
  const int32_t* tokens = token.data<int32_t>();
  map(exec, "slot_row_ids", ids.data<int32_t>(), tokens, tokens, token.numel(),
      GlobalRow{first_row});
}

namespace {

// Calls body(to, x, y) for the elements c of a row by a warp: to[c] of x[c] and y[c], sixteen bytes
// at a time where `packed`. `to` may be x or y.
template <class T, class Body>
__device__ void for_each_of_row(T* to, const T* x, const T* y, int64_t d, bool packed, Body body) {
  if (packed) {
    constexpr int kCount = Pack<T>::kCount;
#pragma unroll 4
    for (int64_t c = lane_id() * kCount; c < d; c += kWarp * kCount) {
      T a[kCount], b[kCount], out[kCount];
      load_packs(a, x + c);
      load_packs(b, y + c);
#pragma unroll
      for (int i = 0; i < kCount; ++i) body(out[i], a[i], b[i]);
      store_packs(to + c, out);
    }
  } else {
    for (int64_t c = lane_id(); c < d; c += kWarp) body(to[c], x[c], y[c]);
  }
}

template <class T>
__device__ void clear_row(T* to, int64_t d, bool packed) {
  if (packed) {
    constexpr int kCount = Pack<T>::kCount;
    const Pack<T> zeros{};
    for (int64_t c = lane_id() * kCount; c < d; c += kWarp * kCount) {
      *reinterpret_cast<Pack<T>*>(to + c) = zeros;
    }
  } else {
    for (int64_t c = lane_id(); c < d; c += kWarp) put(to[c], Compute<T>(0));
  }
}

// A row a warp. Bytes: each row that is taken once, out once, the least.
template <class T>
__global__ void gather_kernel(T* __restrict__ out, const T* __restrict__ x, const int32_t* index,
                              int64_t rows, int64_t d, bool packed) {
  const int64_t r = int64_t{blockIdx.x} * kWarps + warp_id();
  if (r >= rows) return;
  const int64_t from = index[r];
  if (from < 0) return clear_row(out + r * d, d, packed);
  const T* row = x + from * d;
  for_each_of_row(out + r * d, row, row, d, packed, [](T& to, T value, T) { to = value; });
}

// A token a warp. Bytes: each slot that has a token once, out once, the least.
template <class T>
__global__ void combine_kernel(T* __restrict__ out, const T* __restrict__ slots,
                               const int32_t* slot, const Compute<T>* gate, int64_t tokens,
                               int64_t d, bool packed) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) return;
  const int64_t from = slot[t];
  if (from < 0) return clear_row(out + t * d, d, packed);
  const T* row = slots + from * d;
  const Compute<T> g = gate[t];
  for_each_of_row(out + t * d, row, row, d, packed,
                  [g](T& to, T value, T) { put(to, g * Compute<T>(value)); });
}

// A token a warp, which writes its slot too, and then a slot a warp for the empty ones. Bytes:
// d_out and the tokens' slots once, d_slots once, the least.
template <class T>
__global__ void combine_backward_kernel(T* d_slots, Compute<T>* d_gate, const T* d_out,
                                        const T* slots, const int32_t* slot, const int32_t* token,
                                        const Compute<T>* gate, int64_t tokens, int64_t places,
                                        int64_t d, bool packed) {
  const int64_t t = int64_t{blockIdx.x} * kWarps + warp_id();
  if (t >= tokens) {
    const int64_t s = t - tokens;
    if (s < places && token[s] < 0) clear_row(d_slots + s * d, d, packed);
    return;
  }
  const int64_t place = slot[t];
  Compute<T> dot = 0;
  if (place >= 0) {
    const Compute<T> g = gate[t];
    for_each_of_row(d_slots + place * d, d_out + t * d, slots + place * d, d, packed,
                    [g, &dot](T& to, T grad, T value) {
                      dot += Compute<T>(grad) * Compute<T>(value);
                      put(to, g * Compute<T>(grad));
                    });
  }
  dot = warp_sum(dot);
  if (lane_id() == 0) d_gate[t] = dot;
}

// Whether rows of d elements begin at multiples of 16 bytes.
template <class T>
bool rows_are_packed(int64_t d, std::initializer_list<const void*> pointers) {
  return d % Pack<T>::kCount == 0 && is_packed(pointers);
}

}  // namespace

template <class T>
struct DispatchImpl<Backend::cuda, T> {
  using C = Compute<T>;

  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index) {
    const int64_t rows = index.numel(), d = x.cols();
    launch(cuda(exec).compute, "gather_rows", {.grid = blocks_for(rows, kWarps), .block = kThreads},
           gather_kernel<T>, out.data<T>(), x.data<T>(), index.data<int32_t>(), rows, d,
           rows_are_packed<T>(d, {out.raw(), x.raw()}));
  }

  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate) {
    const int64_t tokens = slot.numel(), d = out.cols();
    launch(cuda(exec).compute, "combine", {.grid = blocks_for(tokens, kWarps), .block = kThreads},
           combine_kernel<T>, out.data<T>(), slots.data<T>(), slot.data<int32_t>(), gate.data<C>(),
           tokens, d, rows_are_packed<T>(d, {out.raw(), slots.raw()}));
  }

  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    const int64_t tokens = slot.numel(), places = token.numel(), d = d_out.cols();
    launch(cuda(exec).compute, "combine_backward",
           {.grid = blocks_for(tokens + places, kWarps), .block = kThreads},
           combine_backward_kernel<T>, d_slots.data<T>(), d_gate.data<C>(), d_out.data<T>(),
           slots.data<T>(), slot.data<int32_t>(), token.data<int32_t>(), gate.data<C>(), tokens,
           places, d, rows_are_packed<T>(d, {d_slots.raw(), d_out.raw(), slots.raw()}));
  }
};

template struct DispatchImpl<Backend::cuda, float>;
template struct DispatchImpl<Backend::cuda, double>;
template struct DispatchImpl<Backend::cuda, BFloat16>;

}  // namespace sy
