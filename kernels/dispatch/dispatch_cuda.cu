// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/dispatch.h"

#include <bit>
#include <limits>

#include "kernels/cuda/reduce.h"
#include "kernels/dispatch/assign_place_cuda.h"
#include "kernels/dispatch/row_moves_cuda.h"

namespace sy {
namespace {

constexpr size_t kSlots = kWarp * sizeof(int);

unsigned blocks_for(int64_t count, int64_t each) {
  return narrow<unsigned>(ceil_div(count, each));
}

struct GlobalRow {
  int64_t first_row;
  __device__ int32_t operator()(int32_t token, int32_t) const {
    return token < 0 ? -1 : static_cast<int32_t>(first_row + token);
  }
};

struct Assignment {
  Tensor slot, token, counts, expert, next;
  int64_t groups, chunks;  // chunks per group

  int experts() const { return narrow<int>(counts.numel() - 1); }
  ChoiceOrder order() const { return {expert.dim(0) / groups, narrow<int>(expert.dim(1))}; }
  size_t table_bytes() const { return static_cast<size_t>(experts()) * sizeof(int); }
  unsigned blocks() const { return narrow<unsigned>(groups * chunks); }
};

// Counts choices, up to the first position of every expert.
void count_choices(cudaStream_t stream, const Assignment& a, int64_t capacity) {
  constexpr size_t kTableBytes = 48 << 10;  // available to a block without opting in
  SY_CHECK(a.table_bytes() <= kTableBytes, "assign_slots: {} experts, but CUDA supports at most {}",
           a.experts(), kTableBytes / sizeof(int));
  check_cuda(cudaMemsetAsync(a.counts.raw(), 0, static_cast<size_t>(a.counts.bytes()), stream),
             "assign_slots");
  check_cuda(cudaMemsetAsync(a.token.raw(), 0xff, static_cast<size_t>(a.token.bytes()), stream),
             "assign_slots");  // -1
  int32_t *next = a.next.data<int32_t>(), *counts = a.counts.data<int32_t>();
  launch(stream, "assign_count",
         {.grid = a.blocks(), .block = kAssignThreads, .shared_bytes = a.table_bytes()},
         assign_count_kernel, next, counts + a.experts(), a.expert.data<int32_t>(), a.order(),
         a.chunks, a.experts());
  launch(stream, "assign_scan",
         {.grid = blocks_for(a.groups * a.experts(), kAssignThreads),
          .block = kAssignThreads,
          .shared_bytes = kSlots},
         assign_scan_kernel, next, counts, a.groups, a.chunks, a.experts(), capacity);
}

template <class Slots>
void place_choices(cudaStream_t stream, const Assignment& a, const Slots& slots) {
  const int bits = std::bit_width(static_cast<unsigned>(a.experts() - 1));
  launch(stream, "assign_place",
         {.grid = a.blocks(), .block = kWarp, .shared_bytes = a.table_bytes()},
         assign_place_kernel<Slots>, a.slot.data<int32_t>(), a.token.data<int32_t>(),
         a.expert.data<int32_t>(), a.next.data<int32_t>(), a.order(), a.chunks, a.experts(), bits,
         slots);
}

}  // namespace

template <>
void AssignImpl<Backend::cuda>::fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                      Tensor expert, int64_t groups, int64_t capacity,
                                      Tensor next) {
  const cudaStream_t stream = cuda(exec).compute;
  const Assignment a{slot, token, counts, expert, next, groups, next.dim(0) / groups};
  count_choices(stream, a, capacity);
  place_choices(stream, a, FixedSlots{groups, capacity});
}

template <>
void AssignImpl<Backend::cuda>::dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts,
                                         Tensor expert, Tensor next) {
  const cudaStream_t stream = cuda(exec).compute;
  const Assignment a{slot, token, counts, expert, next, 1, next.dim(0) - 1};
  count_choices(stream, a, std::numeric_limits<int32_t>::max());
  int32_t* first = next.at(a.chunks).data<int32_t>();
  launch(stream, "expert_starts", {.block = kAssignThreads, .shared_bytes = kSlots},
         expert_starts_kernel, first, counts.data<int32_t>(), a.experts());
  place_choices(stream, a, SortedSlots{first});
}

template <>
void AssignImpl<Backend::cuda>::row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row) {
  const int32_t* tokens = token.data<int32_t>();
  map(exec, "slot_row_ids", ids.data<int32_t>(), tokens, tokens, token.numel(),
      GlobalRow{first_row});
}

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;

// One row per warp. Traffic: reads each selected row once, writes out once (the minimum).
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

// One token per warp, which has one choice. Traffic: reads each slot that has a token once, writes
// out once (the minimum).
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

// Sums of k rows: out[r] = the sum over j of weight[r, j] * x[index[r, j]], one row per warp;
// without weights, the plain sum. The warp reads 32 indices at once, since most may be -1. Traffic:
// reads each selected row once, writes out once (the minimum).
template <class T>
__global__ void sum_rows_kernel(T* out, const T* x, const int32_t* index, const Compute<T>* weight,
                                int64_t rows, int k, int64_t d) {
  const int64_t r = int64_t{blockIdx.x} * kWarps + warp_id();
  if (r >= rows) return;
  for (int64_t begin = 0; begin < d; begin += kWarp) {
    const int64_t c = begin + lane_id();
    Compute<T> sum = 0;
    for (int j = 0; j < k; j += kWarp) {
      const int mine = j + lane_id() < k ? index[r * k + j + lane_id()] : -1;
      for (unsigned left = __ballot_sync(kFullWarp, mine >= 0); left != 0; left &= left - 1) {
        const int lane = __ffs(static_cast<int>(left)) - 1;
        const int64_t from = __shfl_sync(kFullWarp, mine, lane);
        if (c >= d) continue;
        const Compute<T> value(x[from * d + c]);
        sum += weight == nullptr ? value : weight[r * k + j + lane] * value;
      }
    }
    if (c < d) put(out[r * d + c], sum);
  }
}

// One choice per warp, which also writes its slot; then one slot per warp for the empty ones.
// Traffic: reads d_out for each choice and the tokens' slots once, writes d_slots once (the minimum
// with one choice).
template <class T>
__global__ void combine_backward_kernel(T* d_slots, Compute<T>* d_gate, const T* d_out,
                                        const T* slots, const int32_t* slot, const int32_t* token,
                                        const Compute<T>* gate, int64_t choices, int k,
                                        int64_t places, int64_t d, bool packed) {
  const int64_t i = int64_t{blockIdx.x} * kWarps + warp_id();
  if (i >= choices) {
    const int64_t s = i - choices;
    if (s < places && token[s] < 0) clear_row(d_slots + s * d, d, packed);
    return;
  }
  const int64_t place = slot[i], t = k == 1 ? i : i / k;
  Compute<T> dot = 0;
  if (place >= 0) {
    const Compute<T> g = gate[i];
    for_each_of_row(d_slots + place * d, d_out + t * d, slots + place * d, d, packed,
                    [g, &dot](T& to, T grad, T value) {
                      dot += Compute<T>(grad) * Compute<T>(value);
                      put(to, g * Compute<T>(grad));
                    });
  }
  dot = warp_sum(dot);
  if (lane_id() == 0) d_gate[i] = dot;
}

}  // namespace

template <class T>
struct DispatchImpl<Backend::cuda, T> {
  using C = Compute<T>;

  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index) {
    const int64_t rows = index.dim(0), d = x.cols();
    if (index.rank() == 2 && index.dim(1) > 1) return sum_rows(exec, out, x, index, nullptr);
    launch(cuda(exec).compute, "gather_rows", {.grid = blocks_for(rows, kWarps), .block = kThreads},
           gather_kernel<T>, out.data<T>(), x.data<T>(), index.data<int32_t>(), rows, d,
           rows_are_packed<T>(d, {out.raw(), x.raw()}));
  }

  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate) {
    const int64_t tokens = slot.dim(0), d = out.cols();
    if (slot.dim(1) > 1) return sum_rows(exec, out, slots, slot, gate.data<C>());
    launch(cuda(exec).compute, "combine", {.grid = blocks_for(tokens, kWarps), .block = kThreads},
           combine_kernel<T>, out.data<T>(), slots.data<T>(), slot.data<int32_t>(), gate.data<C>(),
           tokens, d, rows_are_packed<T>(d, {out.raw(), slots.raw()}));
  }

  static void sum_rows(Exec& exec, Tensor out, Tensor x, Tensor index, const C* weight) {
    const int64_t rows = index.dim(0), d = out.cols();
    launch(cuda(exec).compute, "sum_rows", {.grid = blocks_for(rows, kWarps), .block = kThreads},
           sum_rows_kernel<T>, out.data<T>(), x.data<T>(), index.data<int32_t>(), weight, rows,
           narrow<int>(index.dim(1)), d);
  }

  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate) {
    const int64_t choices = slot.numel(), places = token.numel(), d = d_out.cols();
    launch(cuda(exec).compute, "combine_backward",
           {.grid = blocks_for(choices + places, kWarps), .block = kThreads},
           combine_backward_kernel<T>, d_slots.data<T>(), d_gate.data<C>(), d_out.data<T>(),
           slots.data<T>(), slot.data<int32_t>(), token.data<int32_t>(), gate.data<C>(), choices,
           narrow<int>(slot.dim(1)), places, d,
           rows_are_packed<T>(d, {d_slots.raw(), d_out.raw(), slots.raw()}));
  }
};

template struct DispatchImpl<Backend::cuda, float>;
template struct DispatchImpl<Backend::cuda, double>;
template struct DispatchImpl<Backend::cuda, BFloat16>;

}  // namespace sy
