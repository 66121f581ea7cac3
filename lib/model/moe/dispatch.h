// SPDX-License-Identifier: Apache-2.0
// All-to-all dispatch of tokens to their experts, and the combination of the results
// (docs/math-moe.md, "Dispatch and combine"). A rank sorts its tokens into slots by expert. Rows
// arrive where the experts compute on them (row_exchange.h), so there is one gather each way and no
// other copy.
//
//   fixed capacity: slots [E, groups, capacity, d_model]; rows [E_local, expert_ranks, groups,
//                   capacity, d_model], or the part of them that has arrived for one expert; the
//                   same numbers on every rank and in every step
//   dropless:       slots [T' * k, d_model], sorted by expert; as many rows as arrive, at most
//                   T' * k * expert_ranks
//
// With one expert rank, slots and rows are the same memory and nothing is sent.
//
// If places are rounded (experts.router_precision) and a fixed capacity is above 256, up to m
// tokens share a slot (shared_slots.h): its row is their sum, and each has the output for it.
//
// The experts of a model group have the same rows, each with its share of d_ff. With several expert
// ranks, each model rank sends c = d_model / M columns of a row, and slots are [..., c]. The rows
// that arrive are gathered to d_model columns before the experts compute on them, and the sum over
// the group of their outputs is scattered to c columns (model_axis.h). With one expert rank, slots
// have all columns, and the sum is taken over tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/router/router_expert_choice.h"
#include "lib/model/context.h"
#include "lib/model/moe/router.h"
#include "lib/model/moe/row_exchange.h"
#include "lib/tensor/staged_copy.h"

namespace sy {

// The capacity of an expert: the tokens it takes from a group. CapacityMode::factor: int(tokens *
// factor / E), at least min_capacity; fixed: fixed_capacity. Never more than the group has. Not for
// dropless.
CapacityRule capacity_rule(const ExpertsSection& experts, bool training);
int64_t expert_capacity(const ExpertsSection& experts, int64_t group_tokens, bool training);

// Labels of the collectives of a layer, for the watchdog and for errors.
struct DispatchLabels {
  std::string counts, ids, dispatch, combine, d_combine, d_dispatch;

  DispatchLabels() = default;
  explicit DispatchLabels(const std::string& prefix);
};

// Planned for the maximum numbers of slots S and rows R; a micro-batch uses the first ones.
struct DispatchSaved {
  Tensor slot;   // int32 [T', k]: slots of a token, -1 where it has none; k as the gates
  Tensor token;  // int32 [S]: the token in a slot, -1 in an empty one; or [S, m] if m share one
  // int32 [E + 1]: times each expert was chosen; last: dropped. With expert_choice, tokens that it
  // took, and tokens that none took.
  Tensor counts;
  Tensor received;  // dropless, int32 [expert_ranks, E_local]: rows from each source
  Tensor row_ids;   // experts.dropout > 0, int32 [R]: global row of the token, -1: none
  Tensor returned;  // [S, c]: outputs of the experts, back in the slots
  // Columns of an expert's output: d_model, unless others were planned. Then gradients of outputs
  // and of inputs are tensors of their own.
  int64_t output_cols = 0;
  bool is_apart = false;
  // Slots in use. Dropless: the maximum, until Dispatch::start() sets one per choice if the host
  // must know the number.
  int64_t slots = 0;
  RowExchange exchange;
  int64_t rows() const { return exchange.all.total; }
  std::shared_ptr<Readback> counts_here;  // dropless: counts and received, in transit to the host
};

// The maximum numbers of slots and rows for these sizes.
struct DispatchSizes {
  int64_t slots = 0;
  int64_t rows = 0;
};
DispatchSizes dispatch_sizes(const ModelSection& model, const LayerDims& dims);

// Experts have outputs of output_cols columns, which the model ranks divide; 0: d_model.
DispatchSaved dispatch_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                            int64_t output_cols = 0);

// Assigns a slot to every choice of a routed token and, if dropless, exchanges how many rows each
// rank will receive. Overwrites `saved` except row_ids and returned. The choices are the router's;
// with experts.routing expert_choice, the experts fill their slots with the tokens that they choose
// by the router's probabilities (router_expert_choice.h), which overwrites the gates.
void dispatch_assign(const LayerContext& context, const DispatchLabels& labels,
                     DispatchSaved& saved, const RouterSaved& router);

// The dropout inside the experts, on this model rank's columns of [R, d_ff] rows, drawn at `site`.
// Valid once Dispatch::start() has been called.
Dropout expert_dropout(const LayerContext& context, const DispatchSaved& saved, uint32_t site);

// The rows of a rank's experts on their way, of `cols` columns: themselves, or their c columns of
// this model rank.
class TravellingRows {
 public:
  TravellingRows(const LayerContext& context, Shape rows, DType dtype, ScratchScope& scratch);

  // What is sent and received in place of `rows` [R, cols]: [R, c].
  Tensor of(Tensor rows) const { return columns_.empty() ? rows : columns_; }
  // Some of the rows have arrived: overwrites them in rows [R, cols].
  void arrive(const ExpertRows& some, Tensor rows, const char* label) const;
  // They leave: overwrites what is sent with the sum over the model ranks.
  void leave(const ExpertRows& some, Tensor rows, const char* label) const;

 private:
  const LayerContext& context_;
  Tensor columns_;  // [R, c], if it is not all of them
};

// Dispatch and combine in the forward pass. Takes memory from `scratch`, which must outlive it.
class Dispatch {
 public:
  Dispatch(const LayerContext& context, const DispatchLabels& labels, DispatchSaved& saved,
           ScratchScope& scratch);

  // Overwrites in [R, d_model] with the rows of normed [T, d_model] that the slots of all ranks
  // refer to; rows of empty slots are zero. Dropless, this is where the host waits for the row
  // counts if it needs them, and with experts.dropout so do the ranks that receive the rows.
  void start(Tensor in, Tensor normed);
  // Calls compute(ExpertRows) for each part of `in` as it arrives. compute overwrites the same rows
  // of out(), which are then sent back.
  template <class Compute>
  void compute_parts(Compute&& compute) {
    dispatcher_.compute_parts(saved_.returned.slice(0, saved_.slots), results_.of(out_),
                              [&](const ExpertRows& part) {
                                rows_.arrive(part, in_, "experts input");
                                compute(part);
                                results_.leave(part, out_, "experts output");
                              });
  }
  // Waits until the outputs of the experts are back in their slots. Overwrites out [stream_rows(),
  // output_cols], unless it is empty, with the sum of gate * output of the expert over the slots of
  // each token, zeros for a token without slots: the sum over the model ranks. gate is [T', k].
  void combine(Tensor out, Tensor gate);

  Tensor out() const { return out_; }  // [R, output_cols]; with one expert rank, saved.returned

 private:
  const LayerContext& context_;
  const DispatchLabels& labels_;
  DispatchSaved& saved_;
  TokenDispatcher dispatcher_;
  TravellingRows rows_, results_;
  Tensor in_, slots_, out_;  // slots_ is empty with one expert rank
};

// The backward pass of the same: gradients of the slots on the tokens' side, of the rows on the
// experts' side.
class DispatchGrad {
 public:
  DispatchGrad(const LayerContext& context, const DispatchLabels& labels,
               const DispatchSaved& saved, ScratchScope& scratch);

  // Backward of combine: overwrites d_gate [T', k], the sum over the model ranks. d_out is
  // [stream_rows(), output_cols], gate [T', k].
  void start_combine(Tensor d_gate, Tensor d_out, Tensor gate);
  // Calls compute(ExpertRows) for each part of d_out() as it arrives. compute overwrites the same
  // rows of d_in(), which may be the same memory; they are then sent back.
  template <class Compute>
  void compute_parts(Compute&& compute) {
    dispatcher_.compute_parts(in_.slots, in_.travelling.of(in_.rows), [&](const ExpertRows& part) {
      out_.travelling.arrive(part, out_.rows, "experts d_output");
      compute(part);
      in_.travelling.leave(part, in_.rows, "experts d_input");
    });
  }
  // d_normed [stream_rows(), d_model] is overwritten with the sum over the model ranks.
  void gather(Tensor d_normed);

  Tensor d_out() const { return out_.rows; }  // [R, output_cols]
  Tensor d_in() const { return in_.rows; }    // [R, d_model]

 private:
  // Gradients in the slots of the tokens and in the rows of the experts.
  struct Side {
    TravellingRows travelling;
    Tensor slots, rows;

    Side(const LayerContext& context, const DispatchSaved& saved, int64_t cols,
         ScratchScope& scratch);
  };

  const LayerContext& context_;
  const DispatchSaved& saved_;
  TokenDispatcher dispatcher_;
  Side out_, in_;
};

}  // namespace sy
