// Moves tokens to the slots of their experts and back. A token has up to k slots and a slot at most
// one token, so both directions are gathers, of k rows on the way back, which are added in the
// order of the token's choices: no atomics, deterministic. A token's k experts differ. Rows are
// float32, float64 or bfloat16; gates and their gradients of the rows' compute_dtype().
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Fixed capacity: slots are [E, groups, capacity]. Within its group a choice takes the next place
// of its expert, first all tokens' first choices, then their second ones, each in order of
// position; past the capacity it is dropped. Overwritten: slot int32 [T, k] (index into the
// flattened slots; -1: dropped or expert -1), token int32 [E * groups * capacity] (the token in a
// slot; -1: empty), counts int32 [E + 1] (choices of each expert before dropping; last: dropped).
// expert int32 [T, k], each -1 or in [0, E), T a multiple of groups. Any other throws
// InternalError; on CUDA that choice is dropped, and counted so.
void assign_slots(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                  int64_t groups, int64_t capacity);

// Dropless: slots are sorted by expert and, within one, in the order above; expert e's begin after
// those of the experts before it. slot int32 [T, k] (-1 where expert is -1), token int32 [T * k]
// (-1 past the last routed one), counts int32 [E + 1] as above (last: 0) are overwritten. Experts
// as above.
void assign_slots_dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert);

// ids int32 [S] (overwritten): first_row + token[s], the global row of the token in slot s, or -1
// in an empty one. token int32 [S]; the sum must fit an int32.
void slot_row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row);

// out [rows, d] (overwritten): out[r] = the sum over j of x[index[r, j]], without those where
// index[r, j] is -1. x [n, d], index int32 [rows] or [rows, k]. Dispatch forward is
// gather_rows(slots, x, token); dispatch backward is gather_rows(d_x, d_slots, slot).
void gather_rows(Exec& exec, Tensor out, Tensor x, Tensor index);

// out [T, d] (overwritten): out[t] = the sum over j of gate[t, j] * slots[slot[t, j]], without
// those where slot[t, j] is -1. slot int32 [T, k], gate [T, k], slots [S, d].
void combine_forward(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);

// Overwritten: d_slots [S, d] (may be slots): d_slots[slot[t, j]] = gate[t, j] * d_out[t], zeros in
// empty slots; d_gate [T, k]: d_out[t] . slots[slot[t, j]], 0 where dropped. slot and token as
// assign_slots leaves them.
void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                      Tensor slot, Tensor token, Tensor gate);

template <Backend, class T>
struct DispatchImpl {
  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index);
  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate);
};

// Choices of a group that the CUDA form places together; the CPU's chunk is the whole group.
constexpr int64_t kAssignTokens = 256;

// `next` is scratch, int32: the next place of every expert in each chunk of choices, [groups *
// chunks, E]; dropless, [chunks + 1, E].
template <Backend>
struct AssignImpl {
  static void fixed(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                    int64_t groups, int64_t capacity, Tensor next);
  static void dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                       Tensor next);
  static void row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row);
};

}  // namespace sy
