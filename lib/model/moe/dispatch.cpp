#include "lib/model/moe/dispatch.h"

#include <algorithm>
#include <numeric>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"
#include "lib/base/numeric.h"
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

// From slots to the rows of the experts' ranks, or back. The label must outlive the request.
RequestPtr start_exchange(const LayerContext& context, const DispatchSaved& saved, Tensor rows,
                          Tensor slots, bool to_experts, const std::string& label) {
  if (context.exec.planning || expert_ranks(context) == 1) return nullptr;
  const ProfileScope profile(context.exec.profiler, Part::communication);
  Communicator& group = context.mesh.expert();
  const Tensor recv = to_experts ? rows : slots, send = to_experts ? slots : rows;
  if (!is_dropless(context)) return group.start_all_to_all(recv, send, label.c_str());
  const std::vector<int64_t>&there = saved.rows_received, &here = saved.rows_sent;
  return group.start_all_to_all_rows(recv, to_experts ? there : here, send,
                                     to_experts ? here : there, label.c_str());
}

void wait(const LayerContext& context, Request* request) {
  if (request == nullptr) return;
  const ProfileScope profile(context.exec.profiler, Part::communication);
  request->wait();
}

// Dropless: how many rows go to and come from each rank.
void exchange_counts(const LayerContext& context, const DispatchLabels& labels,
                     DispatchSaved& saved) {
  const int64_t ranks = expert_ranks(context), local = context.model.experts.count / ranks;
  const Tensor sent = saved.counts.slice(0, ranks * local).view({ranks, local});
  saved.rows.counts = sent;
  if (ranks > 1) {
    const ProfileScope profile(context.exec.profiler, Part::communication);
    context.mesh.expert().all_to_all(saved.received, sent, labels.counts.c_str());
    saved.rows.counts = saved.received;
  }
  // The rows that a rank sends and receives are numbers of the host's: here a GPU is waited for.
  const ProfileScope profile(context.exec.profiler, Part::dispatch);
  std::vector<int32_t>& here = saved.host_counts;
  here.resize(static_cast<size_t>(ranks * local));
  const auto sum_rows = [&](Tensor counts, std::vector<int64_t>& totals) {
    download(context.exec, Tensor(here.data(), DType::i32, counts.shape()), counts);
    totals.resize(static_cast<size_t>(ranks));
    for (int64_t r = 0; r < ranks; ++r) {
      const int32_t* row = here.data() + r * local;
      totals[static_cast<size_t>(r)] = std::accumulate(row, row + local, int64_t{0});
    }
  };
  sum_rows(sent, saved.rows_sent);
  sum_rows(saved.rows.counts, saved.rows_received);
  saved.rows.counts = Tensor(here.data(), DType::i32, {ranks, local});
  saved.slots = std::accumulate(saved.rows_sent.begin(), saved.rows_sent.end(), int64_t{0});
  saved.rows.total =
      std::accumulate(saved.rows_received.begin(), saved.rows_received.end(), int64_t{0});
}

// The global rows of the tokens in the slots, sent along, so that the experts' dropout draws the
// same for a token wherever it is computed.
void exchange_ids(const LayerContext& context, const DispatchLabels& labels, DispatchSaved& saved) {
  ScratchScope scratch(context.exec);
  const int64_t slots = saved.slots;
  const bool apart = expert_ranks(context) > 1;
  const Tensor ids =
      apart ? scratch.take(DType::i32, {slots}, "dispatch ids") : saved.row_ids.slice(0, slots);
  if (context.exec.planning) return;
  slot_row_ids(context.exec, ids, saved.token.slice(0, slots), context.first_row());
  if (!apart) return;
  const Tensor rows = saved.row_ids.slice(0, saved.rows.total).view({saved.rows.total, 1});
  const auto request = start_exchange(context, saved, rows, ids.view({slots, 1}), true, labels.ids);
  wait(context, request.get());
}

}  // namespace

int64_t expert_capacity(const ExpertsSection& experts, int64_t group_tokens, bool training) {
  int64_t capacity = experts.fixed_capacity;
  if (experts.capacity == CapacityMode::factor) {
    const double factor = training ? experts.capacity_factor : experts.eval_capacity_factor;
    const double share =
        static_cast<double>(group_tokens) * factor / static_cast<double>(experts.count);
    capacity = std::max(static_cast<int64_t>(share), experts.min_capacity);
  }
  return std::min(capacity, group_tokens);
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
  const TokenGroups groups = token_groups(experts, dims.sequences, dims.length);
  if (experts.capacity == CapacityMode::dropless) {
    return {groups.total(), groups.total() * dims.expert_ranks};
  }
  const int64_t capacity = std::max(expert_capacity(experts, groups.tokens, true),
                                    expert_capacity(experts, groups.tokens, false));
  const int64_t slots = experts.count * groups.count * capacity;
  return {slots, slots};
}

DispatchSaved dispatch_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  const ExpertsSection& experts = model.experts;
  const DispatchSizes sizes = dispatch_sizes(model, dims);
  DispatchSaved saved;
  saved.slot = arena.take(DType::i32, {token_groups(experts, dims.sequences, dims.length).total()},
                          "dispatch slot");
  saved.token = arena.take(DType::i32, {sizes.slots}, "dispatch token");
  saved.counts = arena.take(DType::i32, {experts.count + 1}, "dispatch counts");
  saved.returned = arena.take(dims.dtype, {sizes.slots, model.d_model}, "dispatch returned");
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
                     DispatchSaved& saved, Tensor expert, int sparse_layer) {
  Exec& exec = context.exec;
  const ExpertsSection& experts = context.model.experts;
  const TokenGroups groups = token_groups(experts, context.sequences, context.length);
  const Tensor slot = saved.slot.slice(0, groups.total());
  const Tensor chosen = expert.slice(0, groups.total());
  saved.rows = {};
  saved.rows.sources = expert_ranks(context);
  saved.rows.experts = div_exact(experts.count, saved.rows.sources);
  if (is_dropless(context)) {
    const Tensor token = saved.token.slice(0, groups.total());
    assign_slots_dropless(exec, slot, token, saved.counts, chosen);
    saved.slots = groups.total();
    saved.rows.total = groups.total() * saved.rows.sources;
    saved.rows.counts = saved.counts;
    if (!exec.planning) exchange_counts(context, labels, saved);
  } else {
    const int64_t capacity = expert_capacity(experts, groups.tokens, context.step.training);
    saved.rows.each = groups.count * capacity;
    saved.slots = experts.count * saved.rows.each;
    saved.rows.total = saved.slots;
    const Tensor token = saved.token.slice(0, saved.slots);
    assign_slots(exec, slot, token, saved.counts, chosen, groups.count, capacity);
  }
  if (dropout_rate(context) > 0) exchange_ids(context, labels, saved);
  add_counts(exec, context.router_stats.counts.at(sparse_layer), saved.counts);
}

Dropout expert_dropout(const LayerContext& context, const DispatchSaved& saved, int sub_layer) {
  Dropout dropout;
  dropout.rate = static_cast<float>(dropout_rate(context));
  if (dropout.rate == 0) return dropout;
  dropout.key = context.key(sub_layer, Use::hidden);
  dropout.row_ids = saved.row_ids.slice(0, saved.rows.total);
  return dropout;
}

void dispatch_forward(const LayerContext& context, const DispatchLabels& labels,
                      const DispatchSaved& saved, Tensor rows, Tensor normed) {
  ScratchScope scratch(context.exec);
  const Tensor token = saved.token.slice(0, saved.slots);
  const Shape shape{token.numel(), normed.cols()};
  const bool apart = expert_ranks(context) > 1;
  const Tensor slots = apart ? scratch.take(normed.dtype(), shape, "dispatch slots") : rows;
  gather_rows(context.exec, slots, normed, token);
  const auto request = start_exchange(context, saved, rows, slots, true, labels.dispatch);
  wait(context, request.get());
}

Tensor experts_output(const LayerContext& context, const DispatchSaved& saved,
                      ScratchScope& scratch) {
  const Shape shape{saved.rows.total, context.model.d_model};
  if (expert_ranks(context) == 1) return saved.returned.slice(0, shape[0]);
  return scratch.take(saved.returned.dtype(), shape, "experts out");
}

void combine_forward(const LayerContext& context, const DispatchLabels& labels,
                     const DispatchSaved& saved, Tensor out, Tensor rows, Tensor gate) {
  const Tensor slots = saved.returned.slice(0, saved.slots);
  const auto request = start_exchange(context, saved, rows, slots, false, labels.combine);
  wait(context, request.get());
  const int64_t tokens = context.tokens();
  combine_forward(context.exec, out, slots, saved.slot.slice(0, tokens), gate.slice(0, tokens));
}

DispatchGrad::DispatchGrad(const LayerContext& context, const DispatchLabels& labels,
                           const DispatchSaved& saved, ScratchScope& scratch)
    : context_(context), labels_(labels), saved_(saved) {
  const int64_t d = context.model.d_model;
  const DType dtype = saved.returned.dtype();
  slots_ = scratch.take(dtype, {saved.slots, d}, "dispatch d_slots");
  rows_ = expert_ranks(context) == 1 ? slots_.slice(0, saved.rows.total)
                                     : scratch.take(dtype, {saved.rows.total, d}, "experts d_rows");
}

void DispatchGrad::start_combine(Tensor d_gate, Tensor d_out, Tensor gate) {
  Exec& exec = context_.exec;
  const int64_t tokens = context_.tokens(), slots = slots_.dim(0);
  fill_zero(exec, d_gate.slice(tokens, d_gate.dim(0) - tokens));
  combine_backward(exec, slots_, d_gate.slice(0, tokens), d_out, saved_.returned.slice(0, slots),
                   saved_.slot.slice(0, tokens), saved_.token.slice(0, slots),
                   gate.slice(0, tokens));
  request_ = start_exchange(context_, saved_, rows_, slots_, true, labels_.d_combine);
}

void DispatchGrad::start_dispatch() {
  request_ = start_exchange(context_, saved_, rows_, slots_, false, labels_.d_dispatch);
}

void DispatchGrad::finish() {
  wait(context_, request_.get());
  request_.reset();
}

void DispatchGrad::gather(Tensor d_normed) const {
  gather_rows(context_.exec, d_normed, slots_, saved_.slot.slice(0, context_.tokens()));
}

}  // namespace sy
