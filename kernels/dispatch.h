// Moves tokens to the slots of their experts and back. With top-1 routing a token has at most one
// slot and a slot at most one token, so both directions are gathers: no atomics, deterministic.
// Rows are float32, float64 or bfloat16; gates and their gradients of the rows' compute_dtype().
#pragma once

#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Fixed capacity: slots are [E, groups, capacity]. Within its group a token takes the next place of
// its expert, in order of position; past the capacity it is dropped. Overwritten: slot int32 [T]
// (index into the flattened slots; -1: dropped or expert -1), token int32 [E * groups * capacity]
// (inverse; -1: empty slot), counts int32 [E + 1] (tokens routed to each expert before dropping;
// last: dropped). expert int32 [T], each -1 or in [0, E), T a multiple of groups. Any other throws
// InternalError; on CUDA its token is dropped, and counted so.
void assign_slots(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                  int64_t groups, int64_t capacity);

// Dropless: slots are sorted by expert and, within one, by token; expert e's begin after those of
// the experts before it. slot int32 [T] (-1 where expert is -1), token int32 [T] (-1 past the last
// routed token), counts int32 [E + 1] as above (last: 0) are overwritten. Experts as above.
void assign_slots_dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert);

// ids int32 [S] (overwritten): first_row + token[s], the global row of the token in slot s, or -1
// in an empty one. token int32 [S]; the sum must fit an int32.
void slot_row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row);

// out [rows, d] (overwritten): out[r] = x[index[r]], or zeros where index[r] is -1. x [n, d], index
// int32 [rows]. Dispatch forward is gather_rows(slots, x, token); dispatch backward is
// gather_rows(d_x, d_slots, slot).
void gather_rows(Exec& exec, Tensor out, Tensor x, Tensor index);

// out [T, d] (overwritten): out[t] = gate[t] * slots[slot[t]], or zeros where slot[t] is -1.
// gate [T], slots [S, d].
void combine_forward(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);

// Overwritten: d_slots [S, d] (may be slots): d_slots[s] = gate[token[s]] * d_out[token[s]], zeros
// in empty slots; d_gate [T]: d_out[t] . slots[slot[t]], 0 where dropped. token is slot's inverse,
// as assign_slots leaves them.
void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                      Tensor slot, Tensor token, Tensor gate);

template <Backend, class T>
struct DispatchImpl {
  static void gather(Exec& exec, Tensor out, Tensor x, Tensor index);
  static void combine(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate);
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate);
};

// Tokens of a group that the CUDA form places together; the CPU's chunk is the whole group.
constexpr int64_t kAssignTokens = 256;

// `next` is scratch, int32: the next place of every expert in each chunk of tokens, [groups *
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
