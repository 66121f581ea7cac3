// SPDX-License-Identifier: Apache-2.0
// The router of a Switch sub-layer (docs/math-moe.md, "Router"): chooses k experts for each token.
//   input = normed * U(1 +- jitter) in training,  logits = input W,
//   expert = argmax softmax(logits);  with experts.top_k 2 also the second largest (router_top2.h)
// experts.exploration and eval_exploration replace the jitter by dropout of the input or by a draw
// from the softmax, or by noise of the logits whose size a second matrix learns (router_noise.h).
// With experts.balance_bias, experts are chosen by their probabilities and a bias
// each, which balances loads (router_bias.h). With experts.routing hash the expert is a function of
// the token's id (router_hash.h) and the gate is 1; there are neither parameters nor losses. With
// no_token_left_behind a token whose expert is full goes to another one (router_ntlb.h). With
// expert_choice experts choose tokens, by the probabilities, when they fill their slots
// (dispatch.h); there is no load-balancing loss then. It
// computes in float32 whatever the dtype of the activations (Fedus et al. 2022, section 2.4,
// "selective precision"), unless experts.router_precision says what is rounded (router_rounding()
// in config.h). Places in an expert are dispatch's (dispatch.h).
// Tokens are routed in groups of consecutive tokens of the global batch (group_tokens() in
// config.h), which need not be whole sequences. If the tokens do not fill the last group, others
// marked invalid complete it, so that groups are the same on every mesh and for a single sequence.
#pragma once

#include <string>

#include "lib/model/context.h"
#include "lib/model/param.h"

namespace sy {

struct TokenGroups {
  int64_t count = 1;
  int64_t tokens = 0;  // per group
  int64_t total() const { return count * tokens; }
};

// The groups of `sequences` of `length` tokens in a stack; at least one, however few the sequences.
TokenGroups token_groups(const ExpertsSection& experts, Stack stack, int64_t sequences,
                         int64_t length);
TokenGroups token_groups(const ExpertsSection& experts, const LayerDims& dims);
TokenGroups token_groups(const LayerContext& context);

struct RouterParams {
  Param* weight = nullptr;    // [d_model, E]; nullptr with experts.routing hash
  Buffer* bias = nullptr;     // [E]; nullptr without experts.balance_bias
  Param* noise = nullptr;     // [d_model, E]; nullptr without exploration noise
  uint32_t hash_site = 0;     // selects the hash
  uint32_t jitter_site = 0;   // jitter noise of the input
  uint32_t dropout_site = 0;  // dropout of the input
  uint32_t sample_site = 0;   // which expert is drawn
  uint32_t second_site = 0;   // whether the second expert is kept
  uint32_t noise_site = 0;    // noise of the logits
};

// What backward, dispatch, combine and the statistics need. With experts.routing hash, only valid,
// expert, gate and losses are planned. T' is token_groups().total() rows; the
// first T are the tokens of the micro-batch.
struct RouterSaved {
  Tensor valid;      // int32 [T'], copy of context.valid, 0 beyond T
  Tensor expert;     // int32 [T', k], -1 where not valid or not kept; with expert_choice the most
                     // probable one, for statistics alone
  Tensor gate;       // [T', k], 0 where expert is -1; with expert_choice [T', E], by dispatch
  Tensor second;     // k = 2: int32 [T'], the second choice whether kept or not
  Tensor probs;      // [T', E]
  Tensor log_sum;    // [T'], logsumexp of the logits
  Tensor fraction;   // [groups, E], share of valid tokens whose first choice is the expert; with
                     // no_token_left_behind, of all their choices
  Tensor mean_prob;  // [groups, E], mean probability of each expert over valid tokens
  Tensor losses;     // [2], load-balancing loss and z-loss, summed over groups

  // With has_choice_losses(): [kChoiceLosses], summed over groups, 0 without a coefficient; and
  // what their gradients need.
  Tensor choice_losses;
  Tensor second_fraction;  // [groups, E], share of valid tokens whose second choice is the expert
  Tensor importance;       // [groups, E], gradient of the importance loss by the sums of gates
  Tensor load;             // [groups, E], gradient of the load loss by the loads
  Tensor raw_noise;        // [T', E], with exploration noise: size of the noise before softplus
  Tensor noisy;            // [T', E], with load_loss: the logits with their noise
};

RouterParams router_params(ParamStore& store, const std::string& prefix, const ModelSection& model);
RouterSaved router_plan(Arena& arena, const ModelSection& model, const LayerDims& dims);

// With experts.convention hugging_face, jitters normed [stream_rows(), d_model], or its gradient,
// in place: the experts then see the same jittered input as the router, which adds no noise of its
// own. Otherwise does nothing.
void jitter_for_all(const LayerContext& context, const RouterParams& params, Tensor normed);

// Overwrites `saved`. Its losses count only once they are observed (router_losses.h). normed is [T,
// d_model].
void route_forward(const LayerContext& context, const RouterParams& params, RouterSaved& saved,
                   Tensor normed);

// After a step: changes the bias, if there is one, by counts [E + 1], the layer's row of
// RouterStats::counts summed over the data ranks, unless apply, float64 [1], is 0.
void update_router_bias(Exec& exec, const ModelSection& model, const RouterParams& params,
                        Tensor counts, Tensor apply);

// Adds this micro-batch's tokens to sums, a row of RouterStats::confidence.
void observe_confidence(const LayerContext& context, const RouterSaved& saved, Tensor sums);

// d_normed [T, d_model] is overwritten with the gradient through the gates, whose gradient is
// d_gate, shaped as they are, and through both auxiliary losses, scaled by their coefficients and
// step.group_scale. normed is the input of forward. The gradient of the parameter accumulates.
void route_backward(const LayerContext& context, const RouterParams& params,
                    const RouterSaved& saved, Tensor d_normed, Tensor d_gate, Tensor normed);

}  // namespace sy
