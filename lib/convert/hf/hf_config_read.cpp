// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/rms_norm/rms_norm.h"
#include "lib/config/config.h"
#include "lib/convert/hf/config_json.h"
#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/sparse_layers.h"

namespace sy::convert {
namespace {

HfFamily read_family(ConfigJson& json) {
  const std::string type = json.text("model_type", "");
  if (const auto family = family_of(type)) return *family;
  json.error("model_type",
             type == "umt5"
                 ? "is 'umt5', in which every layer has a relative position bias of its "
                   "own: not available here"
                 : fmt::format("is '{}'; supported are t5, mt5 and switch_transformers", type));
  return HfFamily::t5;
}

// The names of the tanh approximation of GELU in Hugging Face.
bool is_tanh_gelu(const std::string& name) {
  return name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast";
}

// T5 has both in feed_forward_proj ("relu"; "gated-gelu", which means the tanh approximation),
// which dense_act_fn and is_gated_act override. SwitchTransformers has dense_act_fn only.
void read_activation(ConfigJson& json, HfModel& hf) {
  std::string packed = hf.family == HfFamily::mt5 ? "gated-gelu" : "relu";
  if (hf.family != HfFamily::switch_transformers) packed = json.text("feed_forward_proj", packed);
  const bool packed_gate = packed.starts_with("gated-");
  if (packed_gate) packed.erase(0, 6);
  if (packed_gate && packed == "gelu") packed = "gelu_new";
  const bool gated = json.boolean("is_gated_act", packed_gate);
  const std::string name = json.text("dense_act_fn", packed);
  if (gated && hf.family == HfFamily::switch_transformers) {
    json.error("is_gated_act", "is true, but SwitchTransformers has no gated layers");
  }
  const bool gelu = name == "gelu" || is_tanh_gelu(name);
  if (name == "gelu") {
    hf.warnings.push_back(
        "dense_act_fn is the exact gelu; here gelu is its tanh approximation, which differs by up "
        "to 0.0005");
  }
  if ((name != "relu" && !gelu) || (gated && !gelu)) {
    json.error("dense_act_fn", fmt::format("is {}{}; supported are relu, gelu and gated gelu",
                                           gated ? "gated " : "", name));
  }
  hf.config.model.activation = gated  ? Activation::geglu
                               : gelu ? Activation::gelu
                                      : Activation::relu;
}

void read_sizes(ConfigJson& json, HfModel& hf) {
  struct Defaults {
    int64_t vocabulary, width, heads, inner, layers;
    bool tied;
  };
  static constexpr Defaults kT5{32128, 512, 8, 2048, 6, true};
  static constexpr Defaults kMt5{250112, 512, 6, 1024, 8, false};
  static constexpr Defaults kSwitch{32128, 768, 12, 2048, 12, true};
  const Defaults& defaults = hf.family == HfFamily::t5    ? kT5
                             : hf.family == HfFamily::mt5 ? kMt5
                                                          : kSwitch;
  ModelSection& model = hf.config.model;
  model.vocab_size = {false, json.integer("vocab_size", defaults.vocabulary)};
  model.d_model = json.integer("d_model", defaults.width);
  model.d_kv = json.integer("d_kv", 64);
  model.num_heads = json.integer("num_heads", defaults.heads);
  model.d_ff = json.integer("d_ff", defaults.inner);
  model.encoder_layers = json.integer("num_layers", defaults.layers);
  model.decoder_layers = json.integer("num_decoder_layers", model.encoder_layers);
  model.relative_buckets = json.integer("relative_attention_num_buckets", 32);
  model.relative_max_distance = json.integer("relative_attention_max_distance", 128);
  model.tie_embeddings = json.boolean("tie_word_embeddings", defaults.tied);
  model.dropout = json.number("dropout_rate", 0.1);
  const double epsilon = json.number("layer_norm_epsilon", kRmsNormEpsilon);
  if (epsilon != kRmsNormEpsilon) {
    hf.warnings.push_back(
        fmt::format("layer_norm_epsilon is {}; here it is always {}", epsilon, kRmsNormEpsilon));
  }
}

// transformers 5 ties every T5 in its config.json and says in a key of its own whether decoder
// outputs are scaled; before, they were if the embeddings were tied.
void read_output(ConfigJson& json, HfModel& hf) {
  ModelSection& model = hf.config.model;
  if (hf.family == HfFamily::switch_transformers || !json.has("scale_decoder_outputs")) return;
  const bool scaled = json.boolean("scale_decoder_outputs", model.tie_embeddings);
  if (scaled != model.tie_embeddings) {
    model.scale_decoder_outputs = scaled ? AutoBool::on : AutoBool::off;
  }
  hf.maybe_untied = model.tie_embeddings;
}

void read_ids(ConfigJson& json, ModelSection& model) {
  model.pad_id = {false, json.integer("pad_token_id", 0)};
  model.eos_id = {false, json.integer("eos_token_id", 1)};
  model.start_id = {false, json.integer("decoder_start_token_id", model.pad_id.value)};
}

HfStack read_stack(ConfigJson& json, int64_t layers, const std::string& name, HfModel& hf) {
  const std::string count = fmt::format("num_sparse_{}_layers", name);
  const std::string step = fmt::format("{}_sparse_step", name);
  HfStack stack = HfStack::derived(layers, json.integer(count.c_str(), 3));
  if (stack.sparse_layers == 0 && !json.has(step.c_str())) hf.maybe_dense.push_back(name);
  stack.step = json.integer(step.c_str(), stack.step);
  return stack;
}

// Returns whether there are sparse layers. Needs the sizes.
bool read_sparsity(ConfigJson& json, HfModel& hf) {
  ModelSection& model = hf.config.model;
  const HfStack encoder = read_stack(json, model.encoder_layers, "encoder", hf);
  const HfStack decoder = read_stack(json, model.decoder_layers, "decoder", hf);
  if (encoder.count_sparse() + decoder.count_sparse() == 0) return false;
  model.experts.count = json.integer("num_experts", 8);
  if (model.experts.count < 1)
    json.error("num_experts", "is below 1, but the model has sparse layers");
  set_sparse_layers(model, encoder, decoder);
  return true;
}

void read_experts(ConfigJson& json, HfModel& hf) {
  ExpertsSection& experts = hf.config.model.experts;
  experts.convention = Convention::hugging_face;
  experts.capacity = CapacityMode::fixed;
  experts.fixed_capacity = json.integer("expert_capacity", 64);
  experts.group_sequences = 1;  // Hugging Face's capacity is per sequence
  experts.group_tokens = {};
  experts.jitter = json.number("router_jitter_noise", 0.01);
  experts.balance_loss = json.number("router_aux_loss_coef", 0.001);
  experts.z_loss = json.number("router_z_loss_coef", 0.001);
  experts.dropout = hf.config.model.dropout;
  if (json.boolean("router_bias", false)) {
    json.error("router_bias", "is true, but routers here have no bias");
  }
  const std::string dtype = json.text("router_dtype", "float32");
  if (dtype != "float32") {
    hf.warnings.push_back(
        fmt::format("router_dtype is {}; here routers always compute in float32", dtype));
  }
}

bool sizes_in_range(const ModelSection& model) {
  constexpr int64_t kMostLayers = 1 << 12;
  return model.encoder_layers >= 1 && model.encoder_layers <= kMostLayers &&
         model.decoder_layers >= 1 && model.decoder_layers <= kMostLayers;
}

// Limits the number of sentinels to what a small vocabulary has room for.
void fit_sentinels(RunConfig& config) {
  constexpr int64_t kOthers = 4;  // pad, eos, unk and a piece
  const int64_t vocabulary = std::max<int64_t>(config.model.vocab_size.value, kOthers);
  config.data.extra_ids = std::min(config.data.extra_ids, vocabulary - kOthers);
}

}  // namespace

HfModel parse_hf_config(const std::string& text, const std::string& path,
                        const std::vector<std::string>& overrides) {
  ConfigJson json(text, path, overrides);
  HfModel hf;
  hf.config.run.name = "converted";
  hf.family = read_family(json);
  json.throw_errors();  // the keys of another family mean nothing
  read_sizes(json, hf);
  read_output(json, hf);
  read_ids(json, hf.config.model);
  read_activation(json, hf);
  hf.config.model.experts.count = 0;
  const bool may_be_sparse = hf.family == HfFamily::switch_transformers;
  if (may_be_sparse && sizes_in_range(hf.config.model) && read_sparsity(json, hf)) {
    read_experts(json, hf);
  }
  fit_sentinels(hf.config);
  for (const std::string& error : find_errors(hf.config)) json.error("does not fit:", error);
  json.throw_errors();
  resolve_config(hf.config, 0);
  return hf;
}

}  // namespace sy::convert
