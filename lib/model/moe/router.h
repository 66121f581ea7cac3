// The router of a Switch sub-layer (docs/math-moe.md, "Router"): picks k experts for each token.
// In float32 inside, whatever the activations (Fedus et al. 2022, section 2.4, "selective
// precision"), unless experts.router_precision asks for what bfloat16 would give.
//   input = normed * U(1 +- jitter) in training,  logits = input W,
//   expert = argmax softmax(logits)
// Tokens are seen in groups of `experts.group_sequences` consecutive sequences; where the sequences
// do not fill the last group, it is completed with tokens that are not valid, so that the group is
// the same on every mesh and for a single sequence.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct TokenGroups {
  int64_t count = 1;
  int64_t tokens = 0;  // of one group
  int64_t total() const { return count * tokens; }
};

// At least one group, whatever the number of sequences.
TokenGroups token_groups(const ExpertsSection& experts, int64_t sequences, int64_t length);

constexpr int64_t kChoices = 1;  // k: top-1

struct RouterParams {
  Param* weight = nullptr;   // [d_model, E]
  uint32_t jitter_site = 0;  // of its input's noise
};

// What backward, dispatch and combine need, and what is observed after forward. T' =
// token_groups().total() rows, of which the first T are the micro-batch's tokens.
struct RouterSaved {
  Tensor valid;      // int32 [T'], the context's, 0 past T
  Tensor expert;     // int32 [T', k], -1 where not valid
  Tensor gate;       // [T', k], probability of the expert, 0 where not valid
  Tensor probs;      // [T', E]
  Tensor log_sum;    // [T'], logsumexp of the logits
  Tensor fraction;   // [groups, E], share of the group's valid tokens that chose the expert
  Tensor mean_prob;  // [groups, E], the expert's mean probability over them
  Tensor losses;     // [2], balance and z, summed over the groups
};

RouterParams router_params(ParamStore& store, const std::string& prefix, const ModelSection& model);
RouterSaved router_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// experts.convention hugging_face: jitters normed [T, d_model], or its gradient, in place, so that
// the experts see what the router sees, which then draws nothing itself. Else does nothing.
void jitter_for_all(const LayerContext& context, const RouterParams& params, Tensor normed);

// Overwrites `saved`, losses included, which count once observed (router_losses.h).
// normed [T, d_model].
void route_forward(const LayerContext& context, const RouterParams& params, RouterSaved& saved,
                   Tensor normed);

// d_normed [T, d_model] is overwritten with the router's share: through the gates, whose gradient
// is d_gate [T', k], and through both losses, scaled by their coefficients and step.group_scale.
// normed is forward's. The parameter accumulates.
void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed);

}  // namespace sy
