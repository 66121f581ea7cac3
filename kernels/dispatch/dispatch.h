// SPDX-License-Identifier: Apache-2.0
// Moves tokens to their experts' slots and back. A token has up to k slots and a slot at most one
// token, so both directions are gathers; the way back sums k rows, in the order of the token's
// choices. There are no atomics, and results are deterministic. A token's k experts are distinct.
// Rows are float32, float64 or bfloat16; gates and their gradients have the rows' compute_dtype().
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Fixed capacity: slots are [E, groups, capacity]. Within its group a choice takes its expert's
// next slot, first all tokens' first choices, then their second ones, each in order of position.
// Beyond the capacity it is dropped. Overwritten: slot int32 [T, k] (index into the flattened
// slots; -1: dropped, or expert -1), token int32 [E * groups * capacity] (the token in each slot;
// -1: empty), counts int32 [E + 1] (choices of each expert before dropping; last: dropped choices).
// expert int32 [T, k], each -1 or in [0, E); T is a multiple of groups. Any other expert throws
// InternalError; on CUDA such a choice is dropped and counted as dropped.
void assign_slots(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                  int64_t groups, int64_t capacity);

// Dropless: slots are sorted by expert and, within an expert, in the order above; the slots of
// expert e follow those of the experts before it. Overwritten: slot int32 [T, k] (-1 where expert
// is -1), token int32 [T * k] (-1 after the last routed choice), counts int32 [E + 1] as above
// (last: 0). The requirements on expert are as above.
void assign_slots_dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert);

// ids int32 [S] (overwritten) = first_row + token[s], the global row of the token in slot s, or -1
// for an empty slot. token int32 [S]; the sum must fit an int32.
void slot_row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row);

// out [rows, d] (overwritten): out[r] = the sum over j of x[index[r, j]], skipping entries where
// index[r, j] is -1. x [n, d], index int32 [rows] or [rows, k]. Dispatch forward is
// gather_rows(slots, x, token); dispatch backward is gather_rows(d_x, d_slots, slot).
void gather_rows(Exec& exec, Tensor out, Tensor x, Tensor index);

// out [T, d] (overwritten): out[t] = the sum over j of gate[t, j] * slots[slot[t, j]], skipping
// entries where slot[t, j] is -1. slot int32 [T, k], gate [T, k], slots [S, d].
void combine_forward(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);

// Overwritten: d_slots [S, d] (may be slots): d_slots[slot[t, j]] = gate[t, j] * d_out[t], zeros in
// empty slots; d_gate [T, k]: d_out[t] . slots[slot[t, j]], 0 where dropped. slot and token are as
// returned by assign_slots.
void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                      Tensor slot, Tensor token, Tensor gate);

template <Backend, class T>
struct DispatchImpl {
  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index);
  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate);
};

// Choices of a group that a CUDA block places together; on the CPU a chunk is a whole group.
constexpr int64_t kAssignTokens = 256;

// `next` is int32 scratch: the next position of every expert in each chunk of choices, [groups *
// chunks, E], or for dropless [chunks + 1, E].
template <Backend>
struct AssignImpl {
  static void fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                    int64_t groups, int64_t capacity, Tensor next);
  static void dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                       Tensor next);
  static void row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row);
};

}  // namespace sy
