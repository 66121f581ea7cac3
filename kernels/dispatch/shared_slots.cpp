// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/shared_slots.h"

#include <algorithm>

#include "kernels/dispatch_dtype.h"

namespace sy {

int64_t places_within(int64_t capacity) {
  int64_t places = capacity;
  while (rounded_place(places) < capacity) ++places;
  while (places > 0 && rounded_place(places - 1) >= capacity) --places;
  return places;
}

int64_t tokens_per_slot(int64_t capacity) {
  const int64_t places = places_within(capacity);
  int64_t most = 1, here = 0;
  for (int64_t place = 0; place < places; ++place) {
    const bool starts = place == 0 || rounded_place(place) != rounded_place(place - 1);
    here = starts ? 1 : here + 1;
    most = std::max(most, here);
  }
  return most;
}

void share_slots(Exec& exec, Tensor slot, Tensor token, Tensor place_token, int64_t capacity) {
  const int64_t places = places_within(capacity);
  SY_CHECK(token.rank() == 2 && capacity > 0 && token.dim(0) % capacity == 0 && slot.cols() == 1 &&
               place_token.numel() == token.dim(0) / capacity * places &&
               token.dim(1) >= tokens_per_slot(capacity),
           "share_slots: token {}, {} places, slot {}, capacity {}", token.shape().str(),
           place_token.numel(), slot.shape().str(), capacity);
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_backend(exec, "share_slots", [&]<Backend B>() {
    ShareImpl<B>::run(exec, slot, token, place_token, places, capacity);
  });
}

void shared_combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                             Tensor slot, Tensor token, Tensor gate) {
  SY_CHECK(token.rank() == 2 && d_slots.rows() == token.dim(0) && d_slots.cols() == d_out.cols() &&
               slots.numel() == d_slots.numel() && slot.numel() == d_out.rows() &&
               d_gate.numel() == slot.numel() && gate.numel() == slot.numel(),
           "shared_combine: d_slots {}, d_out {}, slots {}, token {}, d_gate {}",
           d_slots.shape().str(), d_out.shape().str(), slots.shape().str(), token.shape().str(),
           d_gate.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_activations(exec, d_out.dtype(), "shared_combine", [&]<Backend B, class T>() {
    SharedSlotsImpl<B, T>::combine_backward(exec, d_slots, d_gate, d_out, slots, slot, token, gate);
  });
}

}  // namespace sy
