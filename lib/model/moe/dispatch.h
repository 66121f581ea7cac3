// Tokens to the rows of their experts and back (docs/math-moe.md, "Dispatch and combine"). A rank
// sorts its tokens into slots by expert, and what arrives is where the experts compute
// (row_exchange.h): one gather each way and no other copy.
//
//   fixed capacity: slots [E, groups, capacity, d_model]; rows [E_local, expert_ranks, groups,
//                   capacity, d_model], or of one expert's pieces; as many on every rank and in
//                   every step
//   dropless:       slots [T' * k, d_model] sorted by expert; rows as many as arrive, at most
//                   T' * k * expert_ranks
//
// With one expert rank slots and rows are the same memory and nothing is sent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/model/context.h"
#include "lib/model/moe/router.h"
#include "lib/model/moe/row_exchange.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

// Tokens an expert takes from a group: factor: int(tokens * factor / E), at least min_capacity;
// fixed: fixed_capacity; never more than the group. Not for dropless.
int64_t expert_capacity(const ExpertsSection& experts, int64_t group_tokens, bool training);

// Names of the layer's collectives, for the watchdog and for errors.
struct DispatchLabels {
  std::string counts, ids, dispatch, combine, d_combine, d_dispatch;

  DispatchLabels() = default;
  explicit DispatchLabels(const std::string& prefix);
};

// Planned for the most slots S and rows R that there can be; a micro-batch uses the first.
struct DispatchSaved {
  Tensor slot;      // int32 [T', k]: places of a token, -1 where it has none
  Tensor token;     // int32 [S]: the token in a slot, -1 in an empty one
  Tensor counts;    // int32 [E + 1]: choices of each expert; last: dropped
  Tensor received;  // int32 [expert_ranks, E_local]: rows from each source, dropless
  Tensor row_ids;   // int32 [R]: global row of the token in a row, -1: none; experts.dropout > 0
  Tensor returned;  // [S, d_model]: the experts' outputs, back in the slots
  // In use. Dropless, as many as there can be, and from Dispatch::start() on one a choice
  // where the host must know their number.
  int64_t slots = 0;
  RowExchange exchange;
  int64_t rows() const { return exchange.all.total; }
  std::shared_ptr<Readback> counts_here;  // counts and received on their way to the host, dropless
};

// The slots and rows that a stack of these sizes needs at most.
struct DispatchSizes {
  int64_t slots = 0;
  int64_t rows = 0;
};
DispatchSizes dispatch_sizes(const ModelSection& model, const LayerDims& dims);

DispatchSaved dispatch_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// Gives every routed token its slots and tells the ranks how many rows come (dropless). Overwrites
// `saved` but for row_ids and returned. `expert` int32 [T', k] is the router's.
void dispatch_assign(const LayerContext& context, const DispatchLabels& labels,
                     DispatchSaved& saved, Tensor expert);

// The dropout inside the experts, of rows [R, d_ff], drawn at `site`; once Dispatch::start() was
// called.
Dropout expert_dropout(const LayerContext& context, const DispatchSaved& saved, uint32_t site);

// To the experts and back in forward. Memory is taken from scratch, which must outlive it.
class Dispatch {
 public:
  Dispatch(const LayerContext& context, const DispatchLabels& labels, DispatchSaved& saved,
           ScratchScope& scratch);

  // in [R, d_model] is overwritten with the rows of normed [T, d_model] that the slots of all ranks
  // hold, zeros in empty ones. Dropless, the host learns here how many rows go where if it must,
  // and with experts.dropout the ranks whose they are.
  void start(Tensor in, Tensor normed);
  // Calls compute(ExpertRows) for each part of `in` that is there; it overwrites the same rows of
  // out(), which are sent back.
  template <class Compute>
  void compute_parts(Compute&& compute) {
    trip_.compute_parts(saved_.returned.slice(0, saved_.slots), out_, compute);
  }
  // out [T, d_model] is overwritten with the sum of gate * the expert's output over a token's
  // slots, zeros where it has none. gate [T', k].
  void combine(Tensor out, Tensor gate);

  Tensor out() const { return out_; }  // [R, d_model]: saved.returned with one expert rank

 private:
  const LayerContext& context_;
  const DispatchLabels& labels_;
  DispatchSaved& saved_;
  RoundTrip trip_;
  Tensor slots_, out_;  // slots_ is empty with one expert rank
};

// The same way in backward: the slots' gradient on one side, the rows' on the other.
class DispatchGrad {
 public:
  DispatchGrad(const LayerContext& context, const DispatchLabels& labels,
               const DispatchSaved& saved, ScratchScope& scratch);

  // Backward of combine: d_gate [T', k] is overwritten. d_out [T, d_model], gate [T', k].
  void start_combine(Tensor d_gate, Tensor d_out, Tensor gate);
  // Calls compute(ExpertRows) for each part of rows() that is there; what it leaves in it is sent
  // back.
  template <class Compute>
  void compute_parts(Compute&& compute) {
    trip_.compute_parts(slots_, rows_, compute);
  }
  // d_normed [T, d_model] is overwritten.
  void gather(Tensor d_normed);

  Tensor rows() const { return rows_; }  // [R, d_model]

 private:
  const LayerContext& context_;
  const DispatchSaved& saved_;
  RoundTrip trip_;
  Tensor slots_, rows_;
};

}  // namespace sy
