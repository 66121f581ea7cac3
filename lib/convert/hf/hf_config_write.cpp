// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "kernels/rms_norm/rms_norm.h"
#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/sparse_layers.h"
#include "lib/model/moe/dispatch.h"

namespace sy::convert {
namespace {

using Json = nlohmann::ordered_json;

const char* stack_name(Stack stack) {
  return stack == Stack::encoder ? "encoder" : "decoder";
}

const char* activation_name(Activation activation) {
  return activation == Activation::relu ? "relu" : "gelu_new";
}

void add_sizes(Json& json, const ModelSection& model) {
  json["vocab_size"] = model.vocab_size.value;
  json["d_model"] = model.d_model;
  json["d_kv"] = model.d_kv;
  json["num_heads"] = model.num_heads;
  json["d_ff"] = model.d_ff;
  json["num_layers"] = model.encoder_layers;
  json["num_decoder_layers"] = model.decoder_layers;
  json["relative_attention_num_buckets"] = model.relative_buckets;
  json["relative_attention_max_distance"] = model.relative_max_distance;
  json["tie_word_embeddings"] = model.tie_embeddings;
  json["dropout_rate"] = model.dropout;
  json["layer_norm_epsilon"] = kRmsNormEpsilon;
  json["initializer_factor"] = 1.0;
  json["is_encoder_decoder"] = true;
  json["use_cache"] = true;
  const SpecialIds ids = special_ids(model);
  json["pad_token_id"] = ids.pad;
  json["eos_token_id"] = ids.eos;
  json["decoder_start_token_id"] = ids.start;
  json["dense_act_fn"] = activation_name(model.activation);
}

void add_t5(Json& json, const ModelSection& model, HfDescription& hf) {
  const bool scaled = scales_decoder_outputs(model);
  json["scale_decoder_outputs"] = scaled;
  if (scaled != model.tie_embeddings) {
    hf.warnings.push_back(fmt::format(
        "scale_decoder_outputs is {} while tie_word_embeddings is {}: transformers before version "
        "5 does not know that key and would compute other scores",
        scaled, model.tie_embeddings));
  }
  const bool gated = model.activation == Activation::geglu;
  json["feed_forward_proj"] = gated ? "gated-gelu" : activation_name(model.activation);
  json["is_gated_act"] = gated;
}

// The number of tokens per sequence that an expert takes, however it is limited here.
int64_t capacity_for_hf(const RunConfig& config, HfDescription& hf) {
  const ExpertsSection& experts = config.model.experts;
  const int64_t length = config.data.encoder_length;
  if (experts.capacity == CapacityMode::dropless) {
    hf.warnings.push_back(
        fmt::format("Hugging Face has no dropless routing: expert_capacity is written as {}, so "
                    "that no token of "
                    "a sequence of at most data.encoder_length tokens is dropped",
                    length));
    return length;
  }
  if (experts.capacity == CapacityMode::factor) {
    const int64_t capacity = expert_capacity(experts, length, /*training=*/false);
    hf.warnings.push_back(fmt::format(
        "Hugging Face has no capacity factor: expert_capacity is written as {}, which is "
        "model.experts.eval_capacity_factor ({}) for one sequence of data.encoder_length ({})",
        capacity, experts.eval_capacity_factor, length));
    return capacity;
  }
  if (experts.group_sequences != 1) {
    hf.warnings.push_back(fmt::format(
        "model.experts.group_sequences is {}; Hugging Face applies the capacity of {} to each "
        "sequence separately",
        experts.group_sequences, experts.fixed_capacity));
  } else if (!experts.group_tokens.encoder.is_auto || !experts.group_tokens.decoder.is_auto) {
    hf.warnings.push_back(fmt::format(
        "model.experts.group_tokens has no counterpart in Hugging Face, which applies the capacity "
        "of {} to each sequence",
        experts.fixed_capacity));
  }
  return experts.fixed_capacity;
}

void add_switch(Json& json, const RunConfig& config, HfDescription& hf) {
  const ModelSection& model = config.model;
  const ExpertsSection& experts = model.experts;
  const HfStack encoder = find_hf_stack(model, Stack::encoder).value();
  const HfStack decoder = find_hf_stack(model, Stack::decoder).value();
  json["num_sparse_encoder_layers"] = encoder.sparse_layers;
  json["num_sparse_decoder_layers"] = decoder.sparse_layers;
  json["encoder_sparse_step"] = encoder.step;
  json["decoder_sparse_step"] = decoder.step;
  if (experts.count == 0) return;
  json["num_experts"] = experts.count;
  json["expert_capacity"] = capacity_for_hf(config, hf);
  json["router_bias"] = false;
  json["router_jitter_noise"] = experts.jitter;
  json["router_dtype"] = "float32";
  json["router_ignore_padding_tokens"] = false;
  json["router_aux_loss_coef"] = experts.balance_loss;
  json["router_z_loss_coef"] = experts.z_loss;
  json["add_router_probs"] = false;
  if (experts.dropout != model.dropout) {
    hf.warnings.push_back(fmt::format(
        "model.experts.dropout ({}) is lost: Hugging Face uses dropout_rate ({}) in experts too",
        experts.dropout, model.dropout));
  }
}

bool is_listed(const ModelSection& model, Stack stack) {
  const SparseLayersSection& layers = model.experts.layers;
  return stack == Stack::encoder ? !layers.encoder.is_auto : !layers.decoder.is_auto;
}

void throw_unrepresentable(const ModelSection& model, HfFamily family) {
  if (family != HfFamily::switch_transformers) return;
  std::vector<std::string> errors;
  if (model.activation == Activation::geglu) {
    errors.emplace_back(
        "model.activation: Hugging Face's SwitchTransformers has no gated layers (geglu); this "
        "model "
        "can only stay a checkpoint");
  }
  if (scales_decoder_outputs(model) != model.tie_embeddings) {
    errors.emplace_back(
        "model.scale_decoder_outputs: Hugging Face's SwitchTransformers scales decoder outputs if "
        "and only if embeddings are tied");
  }
  if (model.experts.count > 0 && model.experts.routing == Routing::hash) {
    errors.emplace_back(
        "model.experts.routing: Hugging Face's SwitchTransformers has a learned router, this model "
        "none; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.routing == Routing::no_token_left_behind) {
    errors.emplace_back(
        "model.experts.routing: Hugging Face's SwitchTransformers drops a token whose expert is "
        "full, this model does not; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.routing == Routing::expert_choice) {
    errors.emplace_back(
        "model.experts.routing: in Hugging Face's SwitchTransformers tokens choose experts, in "
        "this model experts choose tokens; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.exploration == Exploration::noise) {
    errors.emplace_back(
        "model.experts.exploration: Hugging Face's SwitchTransformers has no matrix for the noise "
        "of its router, this model one; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.balance_bias > 0) {
    errors.emplace_back(
        "model.experts.balance_bias: Hugging Face's SwitchTransformers chooses experts without a "
        "bias, this model with one; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.shared_expert > 0) {
    errors.emplace_back(
        "model.experts.shared_expert: Hugging Face's SwitchTransformers has no layer beside its "
        "experts, this model one; it can only stay a checkpoint");
  }
  if (model.experts.count > 0 && model.experts.top_k != 1) {
    errors.push_back(
        fmt::format("model.experts.top_k: Hugging Face's SwitchTransformers has one expert per "
                    "token, this model {}; it can only stay a checkpoint",
                    model.experts.top_k));
  }
  if (has_sparse_attention(model)) {
    errors.emplace_back(
        "model.experts.attention: Hugging Face's SwitchTransformers has dense attention, this "
        "model experts in it; it can only stay a checkpoint");
  }
  for (const Stack stack : {Stack::encoder, Stack::decoder}) {
    if (find_hf_stack(model, stack)) continue;
    errors.push_back(fmt::format(
        "model.experts.{}: no {}_sparse_step and num_sparse_{}_layers of Hugging Face make these "
        "layers sparse",
        is_listed(model, stack) ? "layers" : "interval", stack_name(stack), stack_name(stack)));
  }
  if (!errors.empty()) throw ConfigError(fmt::format("{}", fmt::join(errors, "\n")));
}

HfFamily choose_family(const ModelSection& model, std::optional<HfFamily> family) {
  if (model.experts.count > 0) return HfFamily::switch_transformers;
  const HfFamily origin = family.value_or(HfFamily::t5);
  const bool gated = model.activation == Activation::geglu;
  return gated && origin == HfFamily::switch_transformers ? HfFamily::t5 : origin;
}

}  // namespace

HfDescription describe_for_hf(const RunConfig& config, std::optional<HfFamily> family,
                              FloatType dtype) {
  HfDescription hf;
  hf.family = choose_family(config.model, family);
  throw_unrepresentable(config.model, hf.family);
  Json json;
  json["architectures"] = Json::array({architecture_of(hf.family)});
  json["model_type"] = model_type_of(hf.family);
  json["torch_dtype"] = name_of(dtype);
  add_sizes(json, config.model);
  if (hf.family != HfFamily::switch_transformers) {
    add_t5(json, config.model, hf);
  } else {
    add_switch(json, config, hf);
  }
  hf.config_json = json.dump(2) + "\n";
  return hf;
}

}  // namespace sy::convert
