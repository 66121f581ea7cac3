// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/moe_ffn.h"

#include "kernels/elementwise/elementwise.h"
#include "kernels/rms_norm/rms_norm.h"
#include "lib/model/linear.h"
#include "lib/model/model_axis.h"
#include "lib/model/moe/routed_experts.h"

namespace sy {
namespace {

// out += shared(normed), both [rows, d_model]; an empty `out` is not computed.
void shared_forward(const LayerContext& context, const MoeFfnParams& params,
                    const MoeFfnSaved& saved, Tensor out, Tensor normed) {
  if (!params.has_shared()) return;
  Exec& exec = context.exec;
  const Tensor activated = feed_forward_inner(context, params.shared, saved.shared, normed);
  if (out.empty()) return;
  ScratchScope scratch(exec);
  const Tensor y = scratch.take(out.dtype(), out.shape(), "shared expert's output");
  const Tensor room = room_for_all(context, scratch, y);
  linear_forward(exec, room, activated, *params.shared.wo);
  sum_to_stream(context, y, room, "shared expert's output");
  add_inplace(exec, out, y);
}

}  // namespace

MoeFfnParams moe_ffn_params(ParamStore& store, const std::string& prefix, const ModelSection& model,
                            LayerCounter& counter) {
  MoeFfnParams params;
  params.norm = norm_params(store, prefix + "/norm", model.d_model);
  params.routing = routing_params(store, prefix, model, counter);
  params.experts = experts_params(store, prefix, model);
  if (model.experts.shared_expert > 0) {
    params.shared =
        feed_forward_params(store, prefix + "/shared", model, model.experts.shared_expert);
  }
  params.sites = {store.add_site("dropout/" + prefix + "/hidden"),
                  store.add_site("dropout/" + prefix + "/output")};
  return params;
}

MoeFfnSaved moe_ffn_plan(Arena& arena, const ModelSection& model, const LayerDims& dims) {
  MoeFfnSaved saved;
  saved.rstd = arena.take(dims.statistics(), {dims.stream_rows()}, "moe rstd");
  saved.normed = arena.take(dims.dtype, {dims.stream_rows(), model.d_model}, "moe normed");
  saved.routing = routing_plan(arena, model, dims);
  saved.experts = experts_plan(arena, model, dims.dtype, dispatch_sizes(model, dims).rows,
                               dims.model_ranks, dims.recompute != Recompute::experts);
  if (model.experts.shared_expert > 0) {
    saved.shared = feed_forward_plan(arena, model, dims, model.experts.shared_expert);
  }
  return saved;
}

void moe_ffn_forward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                     Tensor out, Tensor x) {
  Exec& exec = context.exec;
  const int64_t rows = context.stream_rows();
  const Tensor normed = saved.normed.slice(0, rows);
  saved.x = x;
  rms_norm_forward(exec, normed, saved.rstd.slice(0, rows), x, params.norm->value);
  const RoutedExperts experts{context, params.experts, saved.experts, saved.routing.dispatch,
                              params.sites.hidden};
  routing_forward(context, params.routing, saved.routing, out, saved.experts.in, normed, experts);
  shared_forward(context, params, saved, out, normed);
  if (out.empty()) return;
  residual_dropout_forward(exec, out, x, out, context.dropout(params.sites.output));
}

void moe_ffn_backward(const LayerContext& context, const MoeFfnParams& params, MoeFfnSaved& saved,
                      Tensor d_x, Tensor d_out) {
  Exec& exec = context.exec;
  ScratchScope scratch(exec);
  const int64_t rows = context.stream_rows();
  const Tensor normed = saved.normed.slice(0, rows);
  // Has room for the gradient of combine's output, and later for that of dispatch's input.
  const Tensor room = scratch.take(d_out.dtype(), d_out.shape(), "moe d_tokens");
  const Tensor d_normed = scratch.take(d_out.dtype(), d_out.shape(), "moe d_normed");
  const Tensor d_combined =
      dropout_backward(exec, room, d_out, context.dropout(params.sites.output));
  const RoutedExperts experts{context, params.experts, saved.experts, saved.routing.dispatch,
                              params.sites.hidden};
  const bool shared = params.has_shared();
  const Tensor d_shared =
      shared ? scratch.take(d_out.dtype(), d_out.shape(), "shared expert's d_input") : Tensor();
  if (shared) {
    feed_forward_backward(context, params.shared, saved.shared, d_shared, d_combined, normed);
  }
  routing_backward(context, params.routing, saved.routing, d_normed, room, d_combined, normed,
                   experts);
  if (shared) add_inplace(exec, d_normed, d_shared);
  rms_norm_backward(exec, d_x, params.norm->cleared_grad(exec), d_normed, saved.x,
                    params.norm->value, saved.rstd.slice(0, rows), d_out);
}

}  // namespace sy
