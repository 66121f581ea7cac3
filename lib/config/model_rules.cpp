// SPDX-License-Identifier: Apache-2.0
// What follows from a model's section: sparse layers, special ids, and whether weights fit.
#include <fmt/format.h>

#include <algorithm>

#include "lib/config/config.h"
#include "lib/config/names.h"

namespace sy {
namespace {

std::string text_of(int64_t value) {
  return fmt::format("{}", value);
}

using IsSparse = bool(const ModelSection& model, Stack stack, int64_t layer);

// "1, 3, 5", or "none".
std::string sparse_layers(const ModelSection& model, Stack stack, IsSparse& is_sparse) {
  std::string text;
  const int64_t layers = stack == Stack::encoder ? model.encoder_layers : model.decoder_layers;
  for (int64_t layer = 0; layer < layers; ++layer) {
    if (!is_sparse(model, stack, layer)) continue;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", layer);
  }
  return text.empty() ? "none" : text;
}

bool is_listed(const ExpertsSection& experts, const SparseLayersSection& layers, Stack stack,
               int64_t layer) {
  if (experts.count == 0) return false;
  const AutoInts& list = stack == Stack::encoder ? layers.encoder : layers.decoder;
  if (list.is_auto) return layer % experts.interval == experts.interval - 1;
  return std::find(list.values.begin(), list.values.end(), layer) != list.values.end();
}

}  // namespace

bool is_sparse_layer(const ModelSection& model, Stack stack, int64_t layer) {
  return is_listed(model.experts, model.experts.layers, stack, layer);
}

bool is_sparse_attention(const ModelSection& model, Stack stack, int64_t layer) {
  return is_listed(model.experts, model.experts.attention, stack, layer);
}

bool has_sparse_attention(const ModelSection& model) {
  const auto any = [&](Stack stack, int64_t layers) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      if (is_sparse_attention(model, stack, layer)) return true;
    }
    return false;
  };
  return any(Stack::encoder, model.encoder_layers) || any(Stack::decoder, model.decoder_layers);
}

int64_t count_sparse_layers(const ModelSection& model, Stack stack) {
  const int64_t layers = stack == Stack::encoder ? model.encoder_layers : model.decoder_layers;
  int64_t count = 0;
  for (int64_t layer = 0; layer < layers; ++layer) count += is_sparse_layer(model, stack, layer);
  return count;
}

std::vector<std::string> sparse_layer_names(const ModelSection& model) {
  std::vector<std::string> names;
  const auto add = [&](const char* name, Stack stack, int64_t layers) {
    for (int64_t layer = 0; layer < layers; ++layer) {
      if (is_sparse_attention(model, stack, layer)) {
        names.push_back(fmt::format("{}/layers/{}/self_attention", name, layer));
      }
      if (is_sparse_layer(model, stack, layer)) {
        names.push_back(fmt::format("{}/layers/{}", name, layer));
      }
    }
  };
  add("encoder", Stack::encoder, model.encoder_layers);
  add("decoder", Stack::decoder, model.decoder_layers);
  return names;
}

int64_t group_tokens(const ExpertsSection& experts, Stack stack, int64_t length) {
  const AutoInt& tokens =
      stack == Stack::encoder ? experts.group_tokens.encoder : experts.group_tokens.decoder;
  return tokens.is_auto ? experts.group_sequences * length : tokens.value;
}

int64_t most_experts_per_token(const ExpertsSection& experts) {
  return experts.routing == Routing::expert_choice ? experts.count : experts.top_k;
}

bool has_choice_losses(const ExpertsSection& experts) {
  return experts.second_place_loss > 0 || experts.importance_loss > 0 || experts.load_loss > 0;
}

bool scales_decoder_outputs(const ModelSection& model) {
  return model.scale_decoder_outputs == AutoBool::automatic
             ? model.tie_embeddings
             : model.scale_decoder_outputs == AutoBool::on;
}

SpecialIds special_ids(const ModelSection& model) {
  const auto id = [](const AutoInt& key, int32_t otherwise) {
    return key.is_auto ? otherwise : static_cast<int32_t>(key.value);
  };
  SpecialIds ids;
  ids.pad = id(model.pad_id, ids.pad);
  ids.eos = id(model.eos_id, ids.eos);
  ids.start = id(model.start_id, ids.pad);
  return ids;
}

RouterRounding router_rounding(const ExpertsSection& experts) {
  switch (experts.router_precision) {
    case RouterPrecision::float32:
      return {};
    case RouterPrecision::bfloat16:
      return {.weight = true, .results = true};
    case RouterPrecision::mesh_tensorflow_bfloat16:
      return {.weight = true, .results = true, .means = true, .places = true};
    case RouterPrecision::bfloat16_weight:
      return {.weight = true};
    case RouterPrecision::bfloat16_places:
      return {.places = true};
  }
  return {};
}

ModelSection without_draws(ModelSection model) {
  ExpertsSection& experts = model.experts;
  experts.eval_exploration = EvalExploration::argmax;
  if (experts.second_policy == SecondPolicy::random) experts.second_policy = SecondPolicy::all;
  return model;
}

std::vector<std::string> model_differences(const ModelSection& was, const ModelSection& is) {
  std::vector<std::string> found;
  const auto compare = [&](const char* key, const std::string& before, const std::string& now) {
    if (before != now) found.push_back(fmt::format("model.{}: {} -> {}", key, before, now));
  };
  const auto number = [&](const char* key, int64_t before, int64_t now) {
    compare(key, text_of(before), text_of(now));
  };
  const auto flag = [&](const char* key, bool before, bool now) {
    compare(key, before ? "true" : "false", now ? "true" : "false");
  };
  number("vocab_size", was.vocab_size.value, is.vocab_size.value);
  number("d_model", was.d_model, is.d_model);
  number("d_kv", was.d_kv, is.d_kv);
  number("num_heads", was.num_heads, is.num_heads);
  number("d_ff", was.d_ff, is.d_ff);
  number("encoder_layers", was.encoder_layers, is.encoder_layers);
  number("decoder_layers", was.decoder_layers, is.decoder_layers);
  compare("activation", std::string(name_of(was.activation)), std::string(name_of(is.activation)));
  flag("tie_embeddings", was.tie_embeddings, is.tie_embeddings);
  flag("scale_decoder_outputs", scales_decoder_outputs(was), scales_decoder_outputs(is));
  number("relative_buckets", was.relative_buckets, is.relative_buckets);
  number("relative_max_distance", was.relative_max_distance, is.relative_max_distance);
  number("experts.count", was.experts.count, is.experts.count);
  const auto router = [](const ModelSection& model) {
    return std::string(
        name_of(model.experts.routing == Routing::hash ? Routing::hash : Routing::learned));
  };
  compare("experts.routing", router(was), router(is));
  const auto biased = [](const ModelSection& model) {
    return std::string(model.experts.balance_bias > 0 ? "above 0" : "0");
  };
  compare("experts.balance_bias", biased(was), biased(is));
  const auto noisy = [](const ModelSection& model) {
    const bool noise = model.experts.exploration == Exploration::noise;
    return std::string(noise ? "noise" : "without noise");
  };
  compare("experts.exploration", noisy(was), noisy(is));
  number("experts.shared_expert", was.experts.shared_expert, is.experts.shared_expert);
  if (was.experts.count == is.experts.count && was.encoder_layers == is.encoder_layers &&
      was.decoder_layers == is.decoder_layers) {
    for (const Stack stack : {Stack::encoder, Stack::decoder}) {
      const bool encoder = stack == Stack::encoder;
      compare(encoder ? "experts.layers.encoder" : "experts.layers.decoder",
              sparse_layers(was, stack, is_sparse_layer),
              sparse_layers(is, stack, is_sparse_layer));
      compare(encoder ? "experts.attention.encoder" : "experts.attention.decoder",
              sparse_layers(was, stack, is_sparse_attention),
              sparse_layers(is, stack, is_sparse_attention));
    }
  }
  if (has_sparse_attention(was) && has_sparse_attention(is)) {
    compare("experts.attention_form", std::string(name_of(was.experts.attention_form)),
            std::string(name_of(is.experts.attention_form)));
  }
  const SpecialIds old_ids = special_ids(was), ids = special_ids(is);
  number("pad_id", old_ids.pad, ids.pad);
  number("eos_id", old_ids.eos, ids.eos);
  number("start_id", old_ids.start, ids.start);
  return found;
}

}  // namespace sy
