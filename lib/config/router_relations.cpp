// SPDX-License-Identifier: Apache-2.0
#include "lib/config/router_relations.h"

#include "lib/config/config.h"
#include "lib/config/names.h"

namespace sy {
namespace {

// Places are rounded as Switch's router of Mesh TensorFlow rounds them.
void check_rounded_places(Checker& check, const ExpertsSection& experts) {
  const RouterRounding rounding = router_rounding(experts);
  if (!rounding.places) return;
  const char* key = "model.experts.router_precision";
  const std::string_view name = name_of(experts.router_precision);
  check.require(experts.top_k == 1 && experts.routing == Routing::learned, key,
                "{} is that of a learned router with one expert per token; use bfloat16, or "
                "model.experts.top_k: 1 and model.experts.routing: learned",
                name);
  check.require(experts.convention == Convention::paper, key,
                "{} is not available with model.experts.convention hugging_face; use bfloat16",
                name);
  check.require(experts.dropout == 0, "model.experts.dropout",
                "{} cannot be combined with model.experts.router_precision {}, where tokens share "
                "rows of an expert; use 0",
                experts.dropout, name);
  check.require(!rounding.means || experts.balance_bias == 0, "model.experts.balance_bias",
                "{} adds to probabilities, which model.experts.router_precision {} rounds before "
                "it chooses; use 0, or bfloat16 there",
                experts.balance_bias, name);
}

void check_no_token_left_behind(Checker& check, const ExpertsSection& experts) {
  if (experts.routing != Routing::no_token_left_behind) return;
  const char* key = "model.experts.routing";
  check.require(experts.top_k == 1, key,
                "no_token_left_behind gives a token one expert, but model.experts.top_k is {}; use "
                "1 there",
                experts.top_k);
  check.require(experts.capacity != CapacityMode::dropless, key,
                "no_token_left_behind is for experts that are full, but model.experts.capacity is "
                "dropless; use learned, or factor there");
  check.require(experts.convention == Convention::paper, key,
                "no_token_left_behind is not available with model.experts.convention hugging_face, "
                "whose router drops tokens; use learned");
  check.require(experts.ntlb_top_k <= experts.count, "model.experts.ntlb_top_k",
                "{} is more than model.experts.count ({}); use at most that", experts.ntlb_top_k,
                experts.count);
}

void check_expert_choice(Checker& check, const ModelSection& model) {
  const ExpertsSection& experts = model.experts;
  if (experts.routing != Routing::expert_choice) return;
  const char* key = "model.experts.routing";
  check.require(experts.interval < 1 || count_sparse_layers(model, Stack::decoder) == 0, key,
                "expert_choice takes the tokens that an expert finds best, later ones too, which a "
                "decoder must not see; set model.experts.layers.decoder to [], or use learned");
  check.require(experts.attention.decoder.values.empty() && !experts.attention.decoder.is_auto, key,
                "expert_choice takes the tokens that an expert finds best, later ones too, which a "
                "decoder must not see; set model.experts.attention.decoder to [], or use learned");
  check.require(experts.top_k == 1, key,
                "expert_choice gives a token all experts that take it, but model.experts.top_k is "
                "{}; use 1 there",
                experts.top_k);
  check.require(experts.capacity != CapacityMode::dropless, key,
                "expert_choice takes as many tokens as an expert has places, but "
                "model.experts.capacity is dropless; use factor or fixed there");
  check.require(experts.capacity != CapacityMode::factor ||
                    experts.eval_capacity_factor == experts.capacity_factor,
                "model.experts.eval_capacity_factor",
                "{} gives a token another number of experts than it has in training, with "
                "model.experts.routing expert_choice; use model.experts.capacity_factor, {}",
                experts.eval_capacity_factor, experts.capacity_factor);
  check.require(experts.convention == Convention::paper, key,
                "expert_choice is not available with model.experts.convention hugging_face, where "
                "tokens choose experts; use learned");
  check.require(
      experts.balance_bias == 0, "model.experts.balance_bias",
      "{} balances loads, which are equal with model.experts.routing expert_choice; use 0",
      experts.balance_bias);
  check.require(experts.exploration != Exploration::sample &&
                    experts.eval_exploration != EvalExploration::sample,
                key,
                "expert_choice draws nothing, but exploration or eval_exploration of model.experts "
                "is sample; use another one there");
}

void check_balance_bias(Checker& check, const ExpertsSection& experts) {
  if (experts.balance_bias == 0) return;
  const char* key = "model.experts.balance_bias";
  check.require(experts.routing != Routing::hash, key,
                "{} needs a learned router, but model.experts.routing is hash; use 0",
                experts.balance_bias);
  check.require(experts.convention == Convention::paper, key,
                "{} is not available with model.experts.convention hugging_face, whose router has "
                "no such bias; use 0",
                experts.balance_bias);
  check.require(experts.exploration != Exploration::sample &&
                    experts.eval_exploration != EvalExploration::sample,
                key,
                "{} adds to probabilities, but exploration or eval_exploration of model.experts "
                "draws the expert; use 0, or another exploration",
                experts.balance_bias);
}

// Losses of choices that tokens make.
void check_choice_losses(Checker& check, const ExpertsSection& experts) {
  check.require(experts.second_place_loss <= 0 || experts.top_k == 2,
                "model.experts.second_place_loss",
                "{} is for second choices, but model.experts.top_k is {}; use 0, or 2 there",
                experts.second_place_loss, experts.top_k);
  const bool by_tokens =
      experts.routing == Routing::learned && experts.convention == Convention::paper;
  check.require(experts.importance_loss <= 0 || by_tokens, "model.experts.importance_loss",
                "{} is for routers of model.experts.routing learned and convention paper; use 0",
                experts.importance_loss);
  check.require(experts.load_loss <= 0 || (by_tokens && experts.balance_bias == 0 &&
                                           experts.exploration == Exploration::noise),
                "model.experts.load_loss",
                "{} is the expected load under noise, for model.experts.routing learned with "
                "exploration noise and balance_bias 0; use 0, or those",
                experts.load_loss);
  check.require(experts.exploration != Exploration::noise ||
                    experts.router_precision == RouterPrecision::float32,
                "model.experts.exploration",
                "noise has a size that only a float32 router learns; set "
                "model.experts.router_precision to float32, or use another one");
}

// What the choice of experts rules out.
void check_router(Checker& check, const RunConfig& config) {
  const ExpertsSection& experts = config.model.experts;
  if (experts.count < 1) return;
  const bool hash = experts.routing == Routing::hash;
  check.require(!hash || experts.top_k == 1, "model.experts.routing",
                "hash gives a token one expert, but model.experts.top_k is {}; use 1 there",
                experts.top_k);
  check.require(!hash || experts.convention == Convention::paper, "model.experts.routing",
                "hash is not available with model.experts.convention hugging_face, whose router "
                "is learned; use learned");
  check_rounded_places(check, experts);
  check_no_token_left_behind(check, experts);
  check_expert_choice(check, config.model);
  check_balance_bias(check, experts);
  check_choice_losses(check, experts);
  check.require(experts.shared_expert == 0 || experts.convention == Convention::paper,
                "model.experts.shared_expert",
                "{} is not available with model.experts.convention hugging_face, which has no such "
                "layer; use 0",
                experts.shared_expert);
  if (experts.top_k != 2) return;
  check.require(experts.count > 1, "model.experts.top_k",
                "2 needs two experts, but model.experts.count is {}; use 1, or more experts",
                experts.count);
  check.require(experts.convention == Convention::paper, "model.experts.top_k",
                "2 is not available with model.experts.convention hugging_face, whose router has "
                "one expert per token; use 1");
  check.require(experts.exploration != Exploration::sample, "model.experts.exploration",
                "sample draws one expert per token, but model.experts.top_k is 2; use another one, "
                "or model.experts.top_k: 1");
  check.require(experts.eval_exploration != EvalExploration::sample,
                "model.experts.eval_exploration",
                "sample draws one expert per token, but model.experts.top_k is 2; use argmax");
}

// What experts in attention rule out.
void check_attention(Checker& check, const RunConfig& config) {
  const ModelSection& model = config.model;
  const ExpertsSection& experts = model.experts;
  const bool in_range = experts.interval > 0 && model.encoder_layers <= kMaxLayers &&
                        model.decoder_layers <= kMaxLayers;
  if (experts.count < 1 || !in_range || !has_sparse_attention(model)) return;
  check.require(experts.convention == Convention::paper, "model.experts.attention",
                "is not available with model.experts.convention hugging_face, whose attention is "
                "dense; use [] for both stacks, or model.experts.convention: paper");
  check.require(experts.attention_form == AttentionForm::ffn || config.mesh.model == 1,
                "model.experts.attention_form",
                "linear experts have no inner dimension for mesh.model ({}) ranks to share; use "
                "ffn, or mesh.model: 1",
                config.mesh.model);
}

// Hugging Face's router has no capacity factor, and its capacity applies per sequence.
void check_convention(Checker& check, const RunConfig& config) {
  const ExpertsSection& experts = config.model.experts;
  if (experts.count < 1 || experts.convention != Convention::hugging_face) return;
  check.require(experts.capacity != CapacityMode::factor, "model.experts.capacity",
                "factor is not available with model.experts.convention hugging_face; use fixed or "
                "dropless");
  check.require(experts.group_sequences == 1, "model.experts.group_sequences",
                "{} is not available with model.experts.convention hugging_face, where each "
                "sequence is a routing group; use 1",
                experts.group_sequences);
  check.require(experts.group_tokens.encoder.is_auto && experts.group_tokens.decoder.is_auto,
                "model.experts.group_tokens",
                "is not available with model.experts.convention hugging_face, where each sequence "
                "is a routing group; use auto");
  check.require(
      experts.exploration == Exploration::jitter || experts.exploration == Exploration::argmax,
      "model.experts.exploration",
      "{} is not available with model.experts.convention hugging_face, which has jitter "
      "alone; use jitter or argmax",
      name_of(experts.exploration));
  check.require(experts.eval_exploration == EvalExploration::argmax,
                "model.experts.eval_exploration",
                "sample is not available with model.experts.convention hugging_face; use argmax");
  // With a bfloat16 router, the jitter that reaches the experts would be bfloat16, which no kernel
  // reads.
  check.require(!router_rounding(experts).results || experts.jitter == 0, "model.experts.jitter",
                "{} cannot be combined with a bfloat16 router under model.experts.convention "
                "hugging_face; use 0, or model.experts.router_precision: float32",
                experts.jitter);
}

}  // namespace

void check_router_relations(Checker& check, const RunConfig& config) {
  check_router(check, config);
  check_attention(check, config);
  check_convention(check, config);
}

}  // namespace sy
