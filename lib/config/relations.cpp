// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "lib/config/checker.h"
#include "lib/config/config.h"
#include "lib/config/names.h"

namespace sy {
namespace {

constexpr int64_t kMaxLayers = 1 << 12;  // as validate.cpp has it

void check_layers(Checker& check, const char* key, const AutoInts& list, int64_t layers) {
  if (list.is_auto) return;
  for (size_t i = 0; i < list.values.size(); ++i) {
    const int64_t layer = list.values[i];
    check.require(layer >= 0 && layer < layers, key, "{} is not one of the layers 0 to {}", layer,
                  layers - 1);
    check.require(i == 0 || list.values[i - 1] < layer, key,
                  "{} follows {}; list each layer once, in ascending order", layer,
                  i == 0 ? 0 : list.values[i - 1]);
  }
}

void check_sparsity(Checker& check, const RunConfig& config) {
  const ModelSection& model = config.model;
  const ExpertsSection& experts = model.experts;
  check_layers(check, "model.experts.layers.encoder", experts.layers.encoder, model.encoder_layers);
  check_layers(check, "model.experts.layers.decoder", experts.layers.decoder, model.decoder_layers);
  check_layers(check, "model.experts.attention.encoder", experts.attention.encoder,
               model.encoder_layers);
  check_layers(check, "model.experts.attention.decoder", experts.attention.decoder,
               model.decoder_layers);
  if (experts.count < 1 || experts.interval < 1) return;
  const bool listed = !experts.layers.encoder.is_auto && !experts.layers.decoder.is_auto;
  const int64_t deepest = std::max(model.encoder_layers, model.decoder_layers);
  check.require(
      deepest < 1 || deepest > kMaxLayers || has_sparse_attention(model) ||
          count_sparse_layers(model, Stack::encoder) + count_sparse_layers(model, Stack::decoder) >
              0,
      listed ? "model.experts.layers" : "model.experts.interval",
      "{} leaves no sparse layer among {}; change it, or set model.experts.count to 0 "
      "for a dense model",
      listed ? "this" : fmt::format("{}", experts.interval), deepest);
  const AutoInt& spread = config.mesh.expert;
  check.require(spread.is_auto || spread.value < 1 || experts.count % spread.value == 0,
                "mesh.expert", "{} does not divide model.experts.count ({}); use auto or a divisor",
                spread.value, experts.count);
}

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
  check.require(
      experts.exploration != Exploration::noise || experts.router_precision == Precision::float32,
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

void check_vocabulary(Checker& check, const RunConfig& config) {
  constexpr int64_t kSpecials = 3;  // pad, eos, unk
  const AutoInt& vocabulary = config.model.vocab_size;
  check.require(config.data.format == DataFormat::text || !vocabulary.is_auto, "model.vocab_size",
                "auto needs a tokenizer, and data.format: ids has none; give the number of ids, "
                "data.extra_ids ({}) among them",
                config.data.extra_ids);
  if (vocabulary.is_auto || vocabulary.value < 4) return;
  const ModelSection& model = config.model;
  const auto check_id = [&](const char* key, const AutoInt& id) {
    check.require(id.is_auto || id.value < vocabulary.value, key,
                  "{} is outside of model.vocab_size ({})", id.value, vocabulary.value);
  };
  check_id("model.pad_id", model.pad_id);
  check_id("model.eos_id", model.eos_id);
  check_id("model.start_id", model.start_id);
  check.require(vocabulary.value > config.data.extra_ids + kSpecials, "model.vocab_size",
                "{} is too small for data.extra_ids ({}) and pieces; use auto", vocabulary.value,
                config.data.extra_ids);
}

bool windows_in_range(const DataSection& data) {
  const auto fits = [](AutoInt length) { return length.is_auto || length.value >= 2; };
  return data.extra_ids >= 1 && is_density(data.noise_density) &&
         is_mean_span(data.mean_noise_span) && data.encoder_length >= 4 &&
         data.encoder_length <= (1 << 20) && fits(data.decoder_length) &&
         fits(data.window_tokens) &&
         std::all_of(data.denoisers.begin(), data.denoisers.end(), [](const Denoiser& denoiser) {
           return is_density(denoiser.noise_density) && is_mean_span(denoiser.mean_noise_span);
         });
}

// The sequences made from a full window must fit, with enough sentinels.
void check_windows(Checker& check, const RunConfig& config) {
  if (!windows_in_range(config.data)) return;
  for (const std::string& fault :
       find_objective_faults(objective_options(config.data), config.data.extra_ids)) {
    check.add(fault);
  }
}

void check_schedule(Checker& check, const RunConfig& config) {
  const OptimizerSection& optimizer = config.optimizer;
  const bool falls =
      optimizer.schedule == ScheduleName::linear || optimizer.schedule == ScheduleName::cosine;
  check.require(!falls || optimizer.warmup_steps < config.train.steps, "optimizer.warmup_steps",
                "{} leaves no step of train.steps ({}) for the decay of optimizer.schedule {}; use "
                "fewer",
                optimizer.warmup_steps, config.train.steps, name_of(optimizer.schedule));
  const int64_t offset = optimizer.step_offset;
  check.require(offset <= 0 || config.train.steps < 1 || offset < config.train.steps,
                "optimizer.step_offset",
                "{} is not before the last step, train.steps ({}), so nothing would follow it; use "
                "the step at which pre-training ended, or 0",
                offset, config.train.steps);
}

// The fewest sequences that are a whole number of routing groups in both stacks.
int64_t sequences_of_whole_groups(const RunConfig& config) {
  const ExpertsSection& experts = config.model.experts;
  if (experts.group_tokens.encoder.is_auto && experts.group_tokens.decoder.is_auto) {
    return experts.group_sequences;
  }
  RunConfig resolved = config;
  resolve_config(resolved, 0);
  const auto fewest = [&](Stack stack, int64_t length) {
    const int64_t tokens = group_tokens(experts, stack, length);
    return tokens / std::gcd(tokens, length);
  };
  return std::lcm(fewest(Stack::encoder, resolved.data.encoder_length),
                  fewest(Stack::decoder, resolved.data.decoder_length.value));
}

// A number of sequences must hold whole groups of both stacks.
void check_groups(Checker& check, const RunConfig& config, const char* key, int64_t sequences,
                  std::string_view why) {
  const ExpertsSection& experts = config.model.experts;
  const auto positive = [](const AutoInt& tokens) { return tokens.is_auto || tokens.value > 0; };
  if (experts.count < 1 || !positive(experts.group_tokens.encoder) ||
      !positive(experts.group_tokens.decoder) || !windows_in_range(config.data)) {
    return;
  }
  const int64_t fewest = sequences_of_whole_groups(config);
  const bool in_sequences =
      experts.group_tokens.encoder.is_auto && experts.group_tokens.decoder.is_auto;
  const auto name = [](const AutoInt& tokens) {
    return tokens.is_auto ? std::string("auto") : fmt::format("{}", tokens.value);
  };
  check.require(
      sequences % fewest == 0, key, "{} is not a multiple of {} ({}){}; use {}", sequences,
      in_sequences
          ? "model.experts.group_sequences"
          : fmt::format("the sequences that hold whole routing groups of "
                        "model.experts.group_tokens {} | {}",
                        name(experts.group_tokens.encoder), name(experts.group_tokens.decoder)),
      fewest, why, why.empty() ? "one" : "a multiple");
}

void check_batches(Checker& check, const RunConfig& config) {
  const TrainSection& train = config.train;
  const ExpertsSection& experts = config.model.experts;
  const int64_t streams = config.data.streams, group = experts.group_sequences;
  if (train.global_batch < 1 || train.micro_batch < 1 || streams < 1 || group < 1) return;
  check.require(train.global_batch % streams == 0, "data.streams",
                "{} does not divide train.global_batch ({}); use a divisor", streams,
                train.global_batch);
  check.require(train.global_batch % train.micro_batch == 0, "train.micro_batch",
                "{} does not divide train.global_batch ({}); use a divisor", train.micro_batch,
                train.global_batch);
  // Dropless too: the balancing loss is per group.
  check_groups(check, config, "train.micro_batch", train.micro_batch,
               ", but a routing group must lie within a micro-batch");
  if (train.eval_every == 0) return;
  check.require(train.eval_sequences % streams == 0, "train.eval_sequences",
                "{} is not a multiple of data.streams ({}); use one", train.eval_sequences,
                streams);
  check_groups(check, config, "train.eval_sequences", train.eval_sequences, "");
}

}  // namespace

std::vector<std::string> find_relation_errors(const RunConfig& config) {
  Checker check;
  check_sparsity(check, config);
  check_router(check, config);
  check_attention(check, config);
  check_convention(check, config);
  check_vocabulary(check, config);
  check_windows(check, config);
  check_schedule(check, config);
  check_batches(check, config);
  return check.take();
}

}  // namespace sy
