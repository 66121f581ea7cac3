// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch/dispatch.h"

#include <limits>

#include "kernels/dispatch_dtype.h"
#include "lib/base/numeric.h"

namespace sy {
namespace {

constexpr int64_t kMaxSlots = std::numeric_limits<int32_t>::max();  // slot numbers are int32

int64_t chunks_of(const Exec& exec, int64_t choices) {
  return exec.backend == Backend::cpu ? 1 : ceil_div(choices, kAssignTokens);
}

// Whether both have the same shape [T, k].
bool are_choices(Tensor a, Tensor b) {
  return a.rank() == 2 && a.dim(1) > 0 && a.shape() == b.shape();
}

}  // namespace

void assign_slots(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert,
                  int64_t groups, int64_t capacity) {
  const int64_t experts = counts.numel() - 1;
  SY_CHECK(are_choices(expert, slot) && groups > 0 && capacity >= 0 && experts > 0 &&
               expert.dim(0) % groups == 0 && token.numel() == experts * groups * capacity,
           "assign_slots: expert {}, slot {}, {} groups, {} experts, capacity {}, {} slots",
           expert.shape().str(), slot.shape().str(), groups, experts, capacity, token.numel());
  SY_CHECK(token.numel() <= kMaxSlots, "assign_slots: {} slots", token.numel());
  ScratchScope scratch(exec);
  const int64_t chunks = chunks_of(exec, expert.numel() / groups);
  const Tensor next = scratch.take(DType::i32, {groups * chunks, experts}, "assign_slots");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_backend(exec, "assign_slots", [&]<Backend B>() {
    AssignImpl<B>::fixed(exec, slot, token, counts, expert, groups, capacity, next);
  });
}

void assign_slots_dropless(Exec& exec, Tensor slot, Tensor token, Tensor counts, Tensor expert) {
  const int64_t experts = counts.numel() - 1;
  SY_CHECK(are_choices(expert, slot) && experts > 0 && token.numel() == expert.numel() &&
               token.numel() <= kMaxSlots,
           "assign_slots_dropless: expert {}, slot {}, {} slots, {} experts", expert.shape().str(),
           slot.shape().str(), token.numel(), experts);
  ScratchScope scratch(exec);
  const int64_t chunks = chunks_of(exec, expert.numel());
  const Tensor next = scratch.take(DType::i32, {chunks + 1, experts}, "assign_slots");
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_backend(exec, "assign_slots_dropless", [&]<Backend B>() {
    AssignImpl<B>::dropless(exec, slot, token, counts, expert, next);
  });
}

void slot_row_ids(Exec& exec, Tensor ids, Tensor token, int64_t first_row) {
  SY_CHECK(ids.numel() == token.numel(), "slot_row_ids: {} ids of {} slots", ids.numel(),
           token.numel());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_backend(exec, "slot_row_ids",
                   [&]<Backend B>() { AssignImpl<B>::row_ids(exec, ids, token, first_row); });
}

void gather_rows(Exec& exec, Tensor out, Tensor x, Tensor index) {
  SY_CHECK(out.cols() == x.cols() && index.rank() <= 2 && out.rows() == index.dim(0),
           "gather_rows: out {}, x {}, index {}", out.shape().str(), x.shape().str(),
           index.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_activations(exec, x.dtype(), "gather_rows", [&]<Backend B, class T>() {
    DispatchImpl<B, T>::gather(exec, out, x, index);
  });
}

void combine_forward(Exec& exec, Tensor out, Tensor slots, Tensor slot, Tensor gate) {
  SY_CHECK(out.cols() == slots.cols() && are_choices(slot, gate) && out.rows() == slot.dim(0),
           "combine: out {}, slots {}, slot {}, gate {}", out.shape().str(), slots.shape().str(),
           slot.shape().str(), gate.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_activations(exec, out.dtype(), "combine", [&]<Backend B, class T>() {
    DispatchImpl<B, T>::combine(exec, out, slots, slot, gate);
  });
}

void combine_backward(Exec& exec, Tensor d_slots, Tensor d_gate, Tensor d_out, Tensor slots,
                      Tensor slot, Tensor token, Tensor gate) {
  SY_CHECK(d_slots.rows() == token.numel() && d_slots.cols() == d_out.cols() &&
               slots.numel() == d_slots.numel() && are_choices(slot, gate) &&
               d_out.rows() == slot.dim(0) && d_gate.shape() == slot.shape(),
           "combine: d_slots {}, d_out {}, slots {}, slot {}, d_gate {}", d_slots.shape().str(),
           d_out.shape().str(), slots.shape().str(), slot.shape().str(), d_gate.shape().str());
  if (exec.planning) return;
  const ProfileScope profile(exec.profiler, Part::dispatch);
  dispatch_activations(exec, d_out.dtype(), "combine", [&]<Backend B, class T>() {
    DispatchImpl<B, T>::combine_backward(exec, d_slots, d_gate, d_out, slots, slot, token, gate);
  });
}

}  // namespace sy
