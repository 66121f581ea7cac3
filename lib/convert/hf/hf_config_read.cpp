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
             fmt::format("is '{}', and only t5 and switch_transformers can be read", type));
  return HfFamily::t5;
}

// The names under which Hugging Face has the tanh form of the Gaussian error linear unit.
bool is_tanh_gelu(const std::string& name) {
  return name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast";
}

// T5 packs both into feed_forward_proj ("relu", "gated-gelu", which means the tanh form), which
// dense_act_fn and is_gated_act override. SwitchTransformers has dense_act_fn alone.
void read_activation(ConfigJson& json, HfModel& hf) {
  std::string packed = "relu";
  if (hf.family == HfFamily::t5) packed = json.text("feed_forward_proj", packed);
  const bool packed_gate = packed.starts_with("gated-");
  if (packed_gate) packed.erase(0, 6);
  if (packed_gate && packed == "gelu") packed = "gelu_new";
  const bool gated = json.boolean("is_gated_act", packed_gate);
  const std::string name = json.text("dense_act_fn", packed);
  if (gated && hf.family == HfFamily::switch_transformers) {
    json.error("is_gated_act", "is true, and SwitchTransformers has no gated layers");
  }
  const bool gelu = name == "gelu" || is_tanh_gelu(name);
  if (name == "gelu") {
    hf.warnings.push_back(
        "dense_act_fn is gelu by the error function; here gelu is its tanh form, which differs by "
        "up to 0.0005");
  }
  if ((name != "relu" && !gelu) || (gated && !gelu)) {
    json.error("dense_act_fn", fmt::format("is {}{}; here are relu, gelu and gated gelu",
                                           gated ? "gated " : "", name));
  }
  hf.config.model.activation = gated  ? Activation::geglu
                               : gelu ? Activation::gelu
                                      : Activation::relu;
}

void read_sizes(ConfigJson& json, HfModel& hf) {
  ModelSection& model = hf.config.model;
  const bool t5 = hf.family == HfFamily::t5;
  model.vocab_size = {false, json.integer("vocab_size", 32128)};
  model.d_model = json.integer("d_model", t5 ? 512 : 768);
  model.d_kv = json.integer("d_kv", 64);
  model.num_heads = json.integer("num_heads", t5 ? 8 : 12);
  model.d_ff = json.integer("d_ff", 2048);
  model.encoder_layers = json.integer("num_layers", t5 ? 6 : 12);
  model.decoder_layers = json.integer("num_decoder_layers", model.encoder_layers);
  model.relative_buckets = json.integer("relative_attention_num_buckets", 32);
  model.relative_max_distance = json.integer("relative_attention_max_distance", 128);
  model.tie_embeddings = json.boolean("tie_word_embeddings", true);
  model.dropout = json.number("dropout_rate", 0.1);
  const double epsilon = json.number("layer_norm_epsilon", kRmsNormEpsilon);
  if (epsilon != kRmsNormEpsilon) {
    hf.warnings.push_back(
        fmt::format("layer_norm_epsilon is {}; here it is always {}", epsilon, kRmsNormEpsilon));
  }
}

HfStack read_stack(ConfigJson& json, int64_t layers, const std::string& name) {
  const std::string count = fmt::format("num_sparse_{}_layers", name);
  const std::string step = fmt::format("{}_sparse_step", name);
  HfStack stack = HfStack::derived(layers, json.integer(count.c_str(), 3));
  stack.step = json.integer(step.c_str(), stack.step);
  return stack;
}

// Needs the sizes. Whether there are sparse layers.
bool read_sparsity(ConfigJson& json, HfModel& hf) {
  ModelSection& model = hf.config.model;
  const HfStack encoder = read_stack(json, model.encoder_layers, "encoder");
  const HfStack decoder = read_stack(json, model.decoder_layers, "decoder");
  if (encoder.count_sparse() + decoder.count_sparse() == 0) return false;
  model.experts.count = json.integer("num_experts", 8);
  if (model.experts.count < 1)
    json.error("num_experts", "is below 1 in a model with sparse layers");
  const std::optional<int64_t> interval = find_interval(encoder, decoder);
  if (interval) {
    model.experts.interval = *interval;
  } else {
    json.error("encoder_sparse_step",
               fmt::format("is {} and decoder_sparse_step is {}; no model.experts.interval makes "
                           "the same layers sparse",
                           encoder.step, decoder.step));
  }
  return true;
}

void read_experts(ConfigJson& json, HfModel& hf) {
  ExpertsSection& experts = hf.config.model.experts;
  experts.convention = Convention::hugging_face;
  experts.capacity = CapacityMode::fixed;
  experts.fixed_capacity = json.integer("expert_capacity", 64);
  experts.group_sequences = 1;  // Hugging Face counts within a sequence
  experts.jitter = json.number("router_jitter_noise", 0.01);
  experts.balance_loss = json.number("router_aux_loss_coef", 0.001);
  experts.z_loss = json.number("router_z_loss_coef", 0.001);
  experts.dropout = hf.config.model.dropout;
  if (json.boolean("router_bias", false)) {
    json.error("router_bias", "is true, and routers here have no bias");
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

// Sentinels for which a small vocabulary has room.
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
  json.throw_errors();  // another family's keys would say nothing
  read_sizes(json, hf);
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
