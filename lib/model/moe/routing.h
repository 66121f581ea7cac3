// SPDX-License-Identifier: Apache-2.0
// Routing (docs/math-moe.md): dispatches every token to the experts that the router chooses and
// combines their outputs, weighted by the gates:
//   out = sum of gate * expert(token) over the slots of a token, zeros if it has none
// router -> dispatch -> all-to-all -> experts -> all-to-all -> combine. The caller passes the
// experts as a callable on rows, so the same code can route feed-forward and other layers. With
// fixed capacity, collectives have the same counts on every rank whatever the routing.
//
// The ranks of a model group route the same tokens, by the same bits, and each sends to the experts
// of its own model rank, which compute a part of the sum that is an expert's output, as shards of
// matrices do. The sums are taken on the way (dispatch.h). `rows` are as in attention.h: routing
// needs all tokens of the micro-batch, and gathers them.
#pragma once

#include <string>

#include "kernels/elementwise/elementwise.h"
#include "lib/model/context.h"
#include "lib/model/model_axis.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/moe/router.h"
#include "lib/model/param.h"

namespace sy {

struct RoutingParams {
  RouterParams router;
  DispatchLabels labels;
  int layer = 0;  // index among the routed layers of the model: its row of RouterStats
};

struct RoutingSaved {
  RouterSaved router;
  DispatchSaved dispatch;
};

RoutingParams routing_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model, LayerCounter& counter);
// output_cols: see dispatch_plan().
RoutingSaved routing_plan(Arena& arena, const ModelSection& model, const LayerDims& dims,
                          int64_t output_cols = 0);

// Overwrites out [rows, output_cols], unless it is empty, `saved`, and `in` [R, d_model], the input
// of the callable, with the rows that arrive (R is at most dispatch_sizes().rows). tokens [rows,
// d_model] must be kept until backward; if the experts see jitter, it is added in place
// (jitter_for_all).
// compute(Dispatch&) is called once; within compute_parts() it must overwrite the rows of
// Dispatch::out() from those of `in`.
template <class Compute>
void routing_forward(const LayerContext& context, const RoutingParams& params, RoutingSaved& saved,
                     Tensor out, Tensor in, Tensor tokens, Compute&& compute) {
  ScratchScope scratch(context.exec);
  jitter_for_all(context, params.router, tokens);
  const Tensor all =
      gather_stream(context, room_for_all(context, scratch, tokens), tokens, "router input");
  route_forward(context, params.router, saved.router, all);
  dispatch_assign(context, params.labels, saved.dispatch, saved.router);
  Dispatch travel(context, params.labels, saved.dispatch, scratch);
  travel.start(in, all);
  compute(travel);
  travel.combine(out, saved.router.gate);
}

// Adds the counts and the router's confidence to row params.layer of `stats`, and the auxiliary
// losses (router_losses.h).
void routing_observe(const LayerContext& context, const RoutingParams& params,
                     const RoutingSaved& saved, RouterStats& stats);

// Overwrites d_tokens [rows, d_model] with the gradient of the tokens through the experts, the
// gates and the auxiliary losses. The last two have the same bits on all ranks of a model group and
// count once. room [rows, d_model] is overwritten and may be d_out [rows, output_cols].
// compute(DispatchGrad&) is called once; within compute_parts() it must overwrite the rows of
// DispatchGrad::d_in(), the gradient of `in`, from those of d_out(), the gradient of the experts'
// outputs, which may be the same memory. What it does after that overlaps with sending the rows
// back. Gradients of parameters accumulate.
template <class Compute>
void routing_backward(const LayerContext& context, const RoutingParams& params,
                      const RoutingSaved& saved, Tensor d_tokens, Tensor room, Tensor d_out,
                      Tensor tokens, Compute&& compute) {
  ScratchScope scratch(context.exec);
  const TokenGroups groups = token_groups(context);
  const Tensor d_gate = scratch.take(
      compute_dtype(d_out.dtype()), {groups.total(), most_experts_per_token(context.model.experts)},
      "routing d_gate");
  DispatchGrad grad(context, params.labels, saved.dispatch, scratch);
  grad.start_combine(d_gate, d_out, saved.router.gate);
  {
    ScratchScope all_scratch(context.exec);
    const Tensor all =
        gather_stream(context, room_for_all(context, all_scratch, tokens), tokens, "router input");
    const Tensor d_all = room_for_all(context, all_scratch, d_tokens);
    route_backward(context, params.router, saved.router, d_all, d_gate, all);
    keep_own_rows(context, d_tokens, d_all);
  }
  compute(grad);
  grad.gather(room);
  add_inplace(context.exec, d_tokens, room);
  jitter_for_all(context, params.router, d_tokens);
}

}  // namespace sy
