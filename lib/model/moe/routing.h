// Routing (docs/math-moe.md): every token to the experts that the router picks for it, and their
// outputs back, weighted by their gates:
//   out = sum over a token's slots of gate * expert(tokens), zeros where it has none
// router -> dispatch -> all-to-all -> experts -> all-to-all -> combine. What the experts are is the
// caller's: a callable that computes on rows, so that a feed-forward layer, or any other, is routed
// by the same code. With fixed capacity every collective has the same counts on every rank,
// whatever the routing.
#pragma once

#include <string>

#include "kernels/elementwise/elementwise.h"
#include "lib/model/context.h"
#include "lib/model/moe/dispatch.h"
#include "lib/model/moe/router.h"
#include "lib/model/param.h"

namespace sy {

struct RoutingParams {
  RouterParams router;
  DispatchLabels labels;
  int layer = 0;  // among the model's routed layers; its row of RouterStats
};

struct RoutingSaved {
  RouterSaved router;
  DispatchSaved dispatch;
};

RoutingParams routing_params(ParamStore& store, const std::string& prefix,
                             const ModelSection& model, LayerCounter& counter);
RoutingSaved routing_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// out [T, d_model] and `saved` are overwritten, and so is `in` [R, d_model], the callable's, with
// the rows that arrive (R is at most dispatch_sizes().rows). tokens [T, d_model] stay until
// backward; where the experts see jitter it is applied in place (jitter_for_all).
// compute(Dispatch&) is called once; in compute_parts() it overwrites the rows of Dispatch::out()
// from those of `in`.
template <class Compute>
void routing_forward(const LayerContext& context, const RoutingParams& params, RoutingSaved& saved,
                     Tensor out, Tensor in, Tensor tokens, Compute&& compute) {
  ScratchScope scratch(context.exec);
  jitter_for_all(context, params.router, tokens);
  route_forward(context, params.router, saved.router, tokens);
  dispatch_assign(context, params.labels, saved.dispatch, saved.router.expert);
  Dispatch travel(context, params.labels, saved.dispatch, scratch);
  travel.start(in, tokens);
  compute(travel);
  travel.combine(out, saved.router.gate);
}

// Adds the counts to row params.layer of stats, and the losses (router_losses.h).
void routing_observe(const LayerContext& context, const RoutingParams& params,
                     const RoutingSaved& saved, RouterStats& stats);

// d_tokens [T, d_model] is overwritten with the whole gradient of the tokens: through the experts,
// the gates and the losses (route_backward). d_out [T, d_model] is used up. compute(DispatchGrad&)
// is called once; in compute_parts() it turns the rows of DispatchGrad::rows() from the gradient of
// the experts' outputs into that of `in`. What it does after that runs while rows travel back.
// Parameters accumulate.
template <class Compute>
void routing_backward(const LayerContext& context, const RoutingParams& params,
                      const RoutingSaved& saved, Tensor d_tokens, Tensor d_out, Tensor tokens,
                      Compute&& compute) {
  ScratchScope scratch(context.exec);
  const TokenGroups groups = token_groups(context.model.experts, context.sequences, context.length);
  const Tensor d_gate =
      scratch.take(compute_dtype(d_out.dtype()), {groups.total(), kChoices}, "routing d_gate");
  DispatchGrad grad(context, params.labels, saved.dispatch, scratch);
  grad.start_combine(d_gate, d_out, saved.router.gate);
  route_backward(context, params.router, saved.router, d_tokens, d_gate, tokens);
  compute(grad);
  grad.gather(d_out);
  add_inplace(context.exec, d_tokens, d_out);
  jitter_for_all(context, params.router, d_tokens);
}

}  // namespace sy
