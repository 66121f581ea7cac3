// SPDX-License-Identifier: Apache-2.0
// Slots as Mesh TensorFlow's router has them when all of it is bfloat16 (docs/math-moe.md, "All of
// it in bfloat16"). A token's place, the number of its group's earlier tokens with the same expert,
// is then the nearest bfloat16. From 257 on, tokens share slots: the einsum that dispatches adds
// their rows, and each of them gets the expert's output for the sum. A slot's tokens are neighbours
// among those of its expert, so both directions remain gathers. Rows are as in dispatch.h; there is
// one choice a token.
#pragma once

#include "lib/tensor/bfloat16.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// The nearest bfloat16, of two the even one: the integer itself up to 256.
SY_HOST_DEVICE constexpr int64_t rounded_place(int64_t place) {
  return static_cast<int64_t>(static_cast<float>(BFloat16(static_cast<float>(place))));
}

// The number of places whose rounded one is below `capacity`: the tokens that an expert takes from
// a group.
int64_t places_within(int64_t capacity);
// The most tokens that share one of `capacity` slots: 1 up to a capacity of 256.
int64_t tokens_per_slot(int64_t capacity);

// From the result of assign_slots() with capacity P = places_within(capacity), whose slots are [E,
// groups, P], to slots [E, groups, capacity]. slot int32 [T, 1] is replaced. token int32 [E *
// groups * capacity, m] is overwritten with the tokens of each slot in order, -1 where it has
// fewer; m is at least tokens_per_slot(capacity). place_token int32 [E * groups * P] is
// assign_slots()' token.
void share_slots(Exec& exec, Tensor slot, Tensor token, Tensor place_token, int64_t capacity);

// combine_backward() for slots with any number of tokens. Overwritten: d_slots [S, d] (may be
// slots): the sum over the tokens t of a slot of gate[t] * d_out[t]; d_gate [T, 1]: d_out[t] .
// slots[slot[t]], 0 where dropped. token int32 [S, m].
void shared_combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                             Tensor slot, Tensor token, Tensor gate);

// The place of the first token of slot c of a group: the first that is rounded to c, or c, if none
// is.
SY_HOST_DEVICE constexpr int64_t first_place(int64_t c) {
  int64_t first = c;
  while (first > 0 && rounded_place(first - 1) == c) --first;
  return first;
}

// What a slot has j-th: an index into place_token, or -1. `row` numbers the pairs of expert and
// group.
SY_HOST_DEVICE constexpr int64_t place_of_sharer(int64_t row, int64_t c, int64_t j,
                                                 int64_t places) {
  const int64_t place = (rounded_place(c) == c ? first_place(c) : places) + j;
  return place < places && rounded_place(place) == c ? row * places + place : -1;
}

template <Backend, class T>
struct SharedSlotsImpl {
  static void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out,
                               Tensor slots, Tensor slot, Tensor token, Tensor gate);
};

template <Backend>
struct ShareImpl {
  static void run(Exec& exec, Tensor slot, Tensor token, Tensor place_token, int64_t places,
                  int64_t capacity);
};

}  // namespace sy
