// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/dispatch.h"

#include <algorithm>
#include <numeric>

#include "kernels/dispatch/dispatch.h"
#include "kernels/dispatch/shared_slots.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/grouped_gemm.h"
#include "lib/base/numeric.h"
#include "lib/model/model_axis.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

bool is_dropless(const LayerContext& context) {
  return context.model.experts.capacity == CapacityMode::dropless;
}

int expert_ranks(const LayerContext& context) {
  return context.mesh.shape().expert;
}

double dropout_rate(const LayerContext& context) {
  return context.step.training ? context.model.experts.dropout : 0.0;
}

int64_t largest_capacity(const ExpertsSection& experts, int64_t group_tokens) {
  return std::max(expert_capacity(experts, group_tokens, true),
                  expert_capacity(experts, group_tokens, false));
}

// The tokens that may share a slot.
int64_t sharers(const ExpertsSection& experts, int64_t group_tokens) {
  const bool rounds = router_rounding(experts).places && experts.capacity != CapacityMode::dropless;
  return rounds ? tokens_per_slot(largest_capacity(experts, group_tokens)) : 1;
}

// assign_slots(), where a place is the nearest bfloat16. With one token a slot it is the place.
void assign_shared_slots(const LayerContext& context, Tensor slot, Tensor token, Tensor counts,
                         Tensor expert, int64_t groups, int64_t capacity) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t places = places_within(capacity);
  const Tensor placed =
      scratch.take(DType::i32, {context.model.experts.count * groups * places}, "dispatch places");
  assign_slots(exec, slot, placed, counts, expert, groups, places);
  share_slots(exec, slot, token, placed, capacity);
}

// Dropless: whether the host needs the row counts. It does to send rows, and where GEMMs are issued
// expert by expert.
bool host_needs_counts(const LayerContext& context, const DispatchSaved& saved) {
  return expert_ranks(context) > 1 ||
         grouped_gemm_by_group(context.exec, saved.token.numel(), context.model.experts.count);
}

// Dropless: exchanges how many rows each expert receives, and starts copying the numbers to the
// host if it needs them.
void exchange_counts(const LayerContext& context, const DispatchLabels& labels,
                     DispatchSaved& saved) {
  const int64_t ranks = expert_ranks(context), local = context.model.experts.count / ranks;
  const Tensor sent = saved.counts.slice(0, ranks * local).view({ranks, local});
  if (ranks > 1) {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    context.mesh.expert().all_to_all(saved.received, sent, labels.counts.c_str());
  }
  if (context.exec.planning || !host_needs_counts(context, saved)) return;
  const ProfileScope profile(context.exec.profiler, Part::dispatch);
  if (saved.counts_here == nullptr) {
    saved.counts_here = std::make_shared<Readback>(
        context.exec, std::vector<Tensor>{sent, ranks > 1 ? saved.received : sent});
  }
  saved.counts_here->start();
}

// Waits for the counts. A GPU meanwhile runs what was queued since exchange_counts().
void plan_rows(const LayerContext& context, DispatchSaved& saved) {
  if (context.exec.planning || !host_needs_counts(context, saved)) return;
  saved.counts_here->wait();
  const auto read = [&](std::vector<int32_t>& to, size_t which) {
    const Tensor here = saved.counts_here->host(which);
    to.assign(here.data<int32_t>(), here.data<int32_t>() + here.numel());
  };
  RowExchange& exchange = saved.exchange;
  read(exchange.sent, 0);
  read(exchange.received, 1);
  saved.slots = std::accumulate(exchange.sent.begin(), exchange.sent.end(), int64_t{0});
  exchange.plan_ragged(context.model.experts.count / expert_ranks(context),
                       exchange_parts(context));
}

// Whether slots hold a model rank's columns alone.
bool by_columns(const LayerContext& context) {
  return sends_columns(context.mesh.shape());
}

// The columns of a slot whose token has `cols`.
int64_t slot_columns(const LayerContext& context, int64_t cols) {
  return sent_columns(context.mesh.shape(), cols);
}

// Of the tokens whose rows are like those of `whole`.
Tensor room_for_columns(const LayerContext& context, ScratchScope& scratch, Tensor whole) {
  return scratch.take(whole.dtype(), {context.tokens(), slot_columns(context, whole.cols())},
                      "columns of tokens");
}

// Overwrites stream [stream_rows(), d_model] with what move(part) writes to a tensor of T rows as
// wide as the slots: this rank's columns of the result, or its part of the sum that it is.
template <class Move>
void to_stream(const LayerContext& context, Tensor stream, const char* columns, const char* sums,
               Move&& move) {
  ScratchScope scratch(context.exec);
  if (by_columns(context)) {
    const Tensor mine = room_for_columns(context, scratch, stream);
    move(mine);
    return columns_to_stream(context, stream, mine, columns);
  }
  const Tensor room = room_for_all(context, scratch, stream);
  move(room);
  sum_to_stream(context, stream, room, sums);
}

// The T rows of `stream`, as wide as the slots.
Tensor from_stream(const LayerContext& context, Tensor stream, const char* label,
                   ScratchScope& scratch) {
  if (!by_columns(context)) {
    return gather_stream(context, room_for_all(context, scratch, stream), stream, label);
  }
  const Tensor mine = room_for_columns(context, scratch, stream);
  stream_to_columns(context, mine, stream, label);
  return mine;
}

// This rank's columns of normed [T, d_model], as many as slots have.
Tensor columns_of(const LayerContext& context, Tensor normed, ScratchScope& scratch) {
  if (!by_columns(context)) return normed;
  const Tensor mine = room_for_columns(context, scratch, normed);
  take_columns(context, mine, normed);
  return mine;
}

// Sends the global rows of the tokens along, so that expert dropout draws the same mask for a token
// wherever it is computed.
void exchange_ids(const LayerContext& context, const DispatchLabels& labels, DispatchSaved& saved) {
  ScratchScope scratch(context.exec);
  const int64_t slots = saved.slots;
  const bool apart = expert_ranks(context) > 1;
  const Tensor ids =
      apart ? scratch.take(DType::i32, {slots}, "dispatch ids") : saved.row_ids.slice(0, slots);
  slot_row_ids(context.exec, ids, saved.token.slice(0, slots), context.first_row());
  if (!apart) return;
  RowTransfer transfer(context, saved.exchange, labels.ids);
  transfer.start_to_experts(saved.row_ids, ids);
  transfer.wait_all();
}

}  // namespace

CapacityRule capacity_rule(const ExpertsSection& experts, bool training) {
  if (experts.capacity == CapacityMode::fixed) return {0, experts.count, experts.fixed_capacity};
  return {training ? experts.capacity_factor : experts.eval_capacity_factor, experts.count,
          experts.min_capacity};
}

int64_t expert_capacity(const ExpertsSection& experts, int64_t group_tokens, bool training) {
  return capacity_rule(experts, training).of(group_tokens);
}

DispatchLabels::DispatchLabels(const std::string& prefix)
    : counts(prefix + " counts"),
      ids(prefix + " ids"),
      dispatch(prefix + " dispatch"),
      combine(prefix + " combine"),
      d_combine(prefix + " d_combine"),
      d_dispatch(prefix + " d_dispatch") {}

DispatchSizes dispatch_sizes(const ModelSection& model, const LayerDims& dims) {
  const ExpertsSection& experts = model.experts;
  const TokenGroups groups = token_groups(experts, dims);
  if (experts.capacity == CapacityMode::dropless) {
    const int64_t slots = groups.total() * experts.top_k;
    return {slots, slots * dims.expert_ranks};
  }
  const int64_t slots = experts.count * groups.count * largest_capacity(experts, groups.tokens);
  return {slots, slots};
}

DispatchSaved dispatch_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                            int64_t output_cols) {
  const ExpertsSection& experts = model.experts;
  const DispatchSizes sizes = dispatch_sizes(model, dims);
  DispatchSaved saved;
  const TokenGroups groups = token_groups(experts, dims);
  const int64_t shared = sharers(experts, groups.tokens);
  saved.slot =
      arena.take(DType::i32, {groups.total(), most_experts_per_token(experts)}, "dispatch slot");
  saved.token = arena.take(DType::i32, shared > 1 ? Shape{sizes.slots, shared} : Shape{sizes.slots},
                           "dispatch token");
  saved.counts = arena.take(DType::i32, {experts.count + 1}, "dispatch counts");
  saved.is_apart = output_cols > 0;
  saved.output_cols = saved.is_apart ? output_cols : model.d_model;
  const int64_t columns = sent_columns(dims.mesh_shape(), saved.output_cols);
  saved.returned = arena.take(dims.dtype, {sizes.slots, columns}, "dispatch returned");
  if (experts.dropout > 0) {
    saved.row_ids = arena.take(DType::i32, {sizes.rows}, "dispatch row ids");
  }
  if (experts.capacity == CapacityMode::dropless && dims.expert_ranks > 1) {
    saved.received =
        arena.take(DType::i32, {dims.expert_ranks, div_exact(experts.count, dims.expert_ranks)},
                   "dispatch received");
  }
  return saved;
}

void dispatch_assign(const LayerContext& context, const DispatchLabels& labels,
                     DispatchSaved& saved, const RouterSaved& router) {
  Exec& exec = context.exec;
  const ExpertsSection& experts = context.model.experts;
  const TokenGroups groups = token_groups(context);
  const Tensor slot = saved.slot.slice(0, groups.total());
  const Tensor chosen = router.expert.slice(0, groups.total());
  const int64_t ranks = expert_ranks(context), local = div_exact(experts.count, ranks);
  if (is_dropless(context)) {
    saved.slots = chosen.numel();
    saved.exchange.sources =
        ranks > 1 ? saved.received : saved.counts.slice(0, local).view({1, local});
    saved.exchange.plan_most(ranks, context.mesh.expert_rank(), local, saved.slots);
    assign_slots_dropless(exec, slot, saved.token.slice(0, saved.slots), saved.counts, chosen);
    exchange_counts(context, labels, saved);
  } else {
    const CapacityRule rule = capacity_rule(experts, context.step.training);
    const int64_t capacity = rule.of(groups.tokens), each = groups.count * capacity;
    saved.slots = experts.count * each;
    saved.exchange.plan_even(ranks, local, each, exchange_parts(context));
    const Tensor token = saved.token.slice(0, saved.slots);
    if (token.rank() == 2) {
      return assign_shared_slots(context, slot, token, saved.counts, chosen, groups.count,
                                 capacity);
    }
    if (experts.routing != Routing::expert_choice) {
      return assign_slots(exec, slot, token, saved.counts, chosen, groups.count, capacity);
    }
    const int64_t tokens = groups.total();
    router_expert_choice_forward(exec, router.gate.slice(0, tokens), slot, token, saved.counts,
                                 router.probs.slice(0, tokens), router.valid.slice(0, tokens),
                                 groups.count, rule);
  }
}

Dropout expert_dropout(const LayerContext& context, const DispatchSaved& saved, uint32_t site) {
  Dropout dropout;
  dropout.rate = static_cast<float>(dropout_rate(context));
  if (dropout.rate == 0) return dropout;
  dropout.key = context.key(site);
  dropout.row_ids = saved.row_ids.slice(0, saved.rows());
  return context.column_shard(dropout, context.model.d_ff);
}

TravellingRows::TravellingRows(const LayerContext& context, Shape rows, DType dtype,
                               ScratchScope& scratch)
    : context_(context) {
  if (!by_columns(context)) return;
  columns_ = scratch.take(dtype, {rows[0], slot_columns(context, rows[1])}, "columns of rows");
}

void TravellingRows::arrive(const ExpertRows& some, Tensor rows, const char* label) const {
  if (columns_.empty()) return;
  gather_columns(context_, rows.slice(some.first, some.total),
                 columns_.slice(some.first, some.total), label);
}

void TravellingRows::leave(const ExpertRows& some, Tensor rows, const char* label) const {
  if (columns_.empty()) return;
  sum_to_columns(context_, columns_.slice(some.first, some.total),
                 rows.slice(some.first, some.total), label);
}

Dispatch::Dispatch(const LayerContext& context, const DispatchLabels& labels, DispatchSaved& saved,
                   ScratchScope& scratch)
    : context_(context),
      labels_(labels),
      saved_(saved),
      dispatcher_(context, saved.exchange, labels.dispatch, labels.combine),
      rows_(context, {saved.rows(), context.model.d_model}, saved.returned.dtype(), scratch),
      results_(saved.is_apart ? TravellingRows(context, {saved.rows(), saved.output_cols},
                                               saved.returned.dtype(), scratch)
                              : rows_) {
  const DType dtype = saved.returned.dtype();
  const int64_t columns = slot_columns(context, context.model.d_model);
  out_ = saved.returned.slice(0, saved.slots);
  if (expert_ranks(context) == 1) return;
  slots_ = scratch.take(dtype, {saved.slots, columns}, "dispatch slots");
  out_ = scratch.take(dtype, {saved.rows(), saved.output_cols}, "experts out");
}

void Dispatch::start(Tensor in, Tensor normed) {
  ScratchScope scratch(context_.exec);
  const Tensor slots = slots_.empty() ? in.slice(0, saved_.slots) : slots_;
  gather_rows(context_.exec, slots, columns_of(context_, normed, scratch),
              saved_.token.slice(0, saved_.slots));
  if (is_dropless(context_)) plan_rows(context_, saved_);
  if (dropout_rate(context_) > 0) exchange_ids(context_, labels_, saved_);
  in_ = in;
  dispatcher_.start(rows_.of(in), slots);
}

void Dispatch::combine(Tensor out, Tensor gate) {
  dispatcher_.finish();
  if (out.empty()) return;
  const int64_t tokens = context_.tokens();
  to_stream(context_, out, "experts tokens", "experts output", [&](Tensor part) {
    combine_forward(context_.exec, part, saved_.returned.slice(0, saved_.slots),
                    saved_.slot.slice(0, tokens), gate.slice(0, tokens));
  });
}

DispatchGrad::Side::Side(const LayerContext& context, const DispatchSaved& saved, int64_t cols,
                         ScratchScope& scratch)
    : travelling(context, {saved.rows(), cols}, saved.returned.dtype(), scratch) {
  const DType dtype = saved.returned.dtype();
  slots = scratch.take(dtype, {saved.slots, slot_columns(context, cols)}, "dispatch d_slots");
  rows = slots;
  if (expert_ranks(context) == 1) return;
  rows = scratch.take(dtype, {saved.rows(), cols}, "experts d_rows");
}

DispatchGrad::DispatchGrad(const LayerContext& context, const DispatchLabels& labels,
                           const DispatchSaved& saved, ScratchScope& scratch)
    : context_(context),
      saved_(saved),
      dispatcher_(context, saved.exchange, labels.d_combine, labels.d_dispatch),
      out_(context, saved, saved.output_cols, scratch),
      in_(saved.is_apart ? Side(context, saved, context.model.d_model, scratch) : out_) {}

void DispatchGrad::start_combine(Tensor d_gate, Tensor d_out, Tensor gate) {
  Exec& exec = context_.exec;
  ScratchScope scratch(exec);
  const int64_t tokens = context_.tokens(), slots = saved_.slots;
  fill_zero(exec, d_gate.slice(tokens, d_gate.dim(0) - tokens));
  const Tensor d_tokens = from_stream(context_, d_out, "experts d_combined", scratch);
  const bool shared = saved_.token.rank() == 2;
  (shared ? shared_combine_backward : combine_backward)(
      exec, out_.slots, d_gate.slice(0, tokens), d_tokens, saved_.returned.slice(0, slots),
      saved_.slot.slice(0, tokens), saved_.token.slice(0, slots), gate.slice(0, tokens));
  dispatcher_.start(out_.travelling.of(out_.rows), out_.slots);
  sum_over_model(context_, d_gate, "gates d_output");
}

void DispatchGrad::gather(Tensor d_normed) {
  dispatcher_.finish();
  to_stream(context_, d_normed, "experts d_tokens", "experts d_input", [&](Tensor part) {
    gather_rows(context_.exec, part, in_.slots, saved_.slot.slice(0, context_.tokens()));
  });
}

}  // namespace sy
