#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/rms_norm/rms_norm.h"
#include "lib/convert/hf/hf_config.h"
#include "lib/convert/hf/sparse_layers.h"
#include "lib/model/moe/dispatch.h"

namespace sy::convert {
namespace {

// Members of a JSON object, one a line.
class JsonLines {
 public:
  void add(const char* key, const std::string& text) { raw(key, fmt::format("\"{}\"", text)); }
  void add(const char* key, const char* text) { add(key, std::string(text)); }
  void add(const char* key, bool value) { raw(key, value ? "true" : "false"); }
  void add(const char* key, int64_t value) { raw(key, fmt::format("{}", value)); }
  // Never as an integer: some readers check the type.
  void add(const char* key, double value) {
    const std::string text = fmt::format("{}", value);
    raw(key, text.find_first_of(".e") == std::string::npos ? text + ".0" : text);
  }
  void raw(const char* key, const std::string& json) {
    lines_.push_back(fmt::format("  \"{}\": {}", key, json));
  }
  std::string str() const { return fmt::format("{{\n{}\n}}\n", fmt::join(lines_, ",\n")); }

 private:
  std::vector<std::string> lines_;
};

const char* activation_name(Activation activation) {
  return activation == Activation::relu ? "relu" : "gelu_new";
}

void add_sizes(JsonLines& json, const ModelSection& model) {
  json.add("vocab_size", model.vocab_size.value);
  json.add("d_model", model.d_model);
  json.add("d_kv", model.d_kv);
  json.add("num_heads", model.num_heads);
  json.add("d_ff", model.d_ff);
  json.add("num_layers", model.encoder_layers);
  json.add("num_decoder_layers", model.decoder_layers);
  json.add("relative_attention_num_buckets", model.relative_buckets);
  json.add("relative_attention_max_distance", model.relative_max_distance);
  json.add("tie_word_embeddings", model.tie_embeddings);
  json.add("dropout_rate", model.dropout);
  json.add("layer_norm_epsilon", kRmsNormEpsilon);
  json.add("initializer_factor", 1.0);
  json.add("is_encoder_decoder", true);
  json.add("use_cache", true);
  json.add("pad_token_id", int64_t{0});
  json.add("eos_token_id", int64_t{1});
  json.add("decoder_start_token_id", int64_t{0});
  json.add("dense_act_fn", activation_name(model.activation));
}

void add_t5(JsonLines& json, const ModelSection& model) {
  const bool gated = model.activation == Activation::geglu;
  json.add("feed_forward_proj", gated ? "gated-gelu" : activation_name(model.activation));
  json.add("is_gated_act", gated);
}

// The number of tokens that an expert takes of one sequence, whatever limits it here.
int64_t capacity_for_hf(const RunConfig& config, HfDescription& hf) {
  const ExpertsSection& experts = config.model.experts;
  const int64_t length = config.data.encoder_length;
  if (experts.capacity == CapacityMode::dropless) {
    hf.warnings.push_back(fmt::format(
        "Hugging Face has no dropless routing: expert_capacity is written as {}, which drops no "
        "token of a sequence up to data.encoder_length",
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
        "sequence by itself",
        experts.group_sequences, experts.fixed_capacity));
  }
  return experts.fixed_capacity;
}

void add_switch(JsonLines& json, const RunConfig& config, HfDescription& hf) {
  const ModelSection& model = config.model;
  const ExpertsSection& experts = model.experts;
  const HfStack encoder = find_hf_stack(model, model.encoder_layers).value();
  const HfStack decoder = find_hf_stack(model, model.decoder_layers).value();
  json.add("num_sparse_encoder_layers", encoder.sparse_layers);
  json.add("num_sparse_decoder_layers", decoder.sparse_layers);
  json.add("encoder_sparse_step", encoder.step);
  json.add("decoder_sparse_step", decoder.step);
  if (experts.count == 0) return;
  json.add("num_experts", experts.count);
  json.add("expert_capacity", capacity_for_hf(config, hf));
  json.add("router_bias", false);
  json.add("router_jitter_noise", experts.jitter);
  json.add("router_dtype", "float32");
  json.add("router_ignore_padding_tokens", false);
  json.add("router_aux_loss_coef", experts.balance_loss);
  json.add("router_z_loss_coef", experts.z_loss);
  json.add("add_router_probs", false);
  if (experts.dropout != model.dropout) {
    hf.warnings.push_back(fmt::format(
        "model.experts.dropout ({}) is lost: Hugging Face uses dropout_rate ({}) in experts too",
        experts.dropout, model.dropout));
  }
}

void throw_unrepresentable(const ModelSection& model) {
  if (model.experts.count == 0) return;
  std::vector<std::string> faults;
  if (model.activation == Activation::geglu) {
    faults.emplace_back(
        "model.activation: Hugging Face's SwitchTransformers has no gated layers (geglu); such a "
        "model can stay a checkpoint only");
  }
  for (const int64_t layers : {model.encoder_layers, model.decoder_layers}) {
    if (find_hf_stack(model, layers)) continue;
    faults.push_back(fmt::format(
        "model.experts.interval: with {} of {} layers Hugging Face makes other layers sparse than "
        "here; only intervals 1 and 2 are sure to agree",
        model.experts.interval, layers));
    break;
  }
  if (!faults.empty()) throw ConfigError(fmt::format("{}", fmt::join(faults, "\n")));
}

HfFamily choose_family(const ModelSection& model, std::optional<HfFamily> family) {
  if (model.experts.count > 0) return HfFamily::switch_transformers;
  return model.activation == Activation::geglu ? HfFamily::t5 : family.value_or(HfFamily::t5);
}

}  // namespace

HfDescription describe_for_hf(const RunConfig& config, std::optional<HfFamily> family,
                              FloatType dtype) {
  throw_unrepresentable(config.model);
  HfDescription hf;
  hf.family = choose_family(config.model, family);
  JsonLines json;
  json.raw("architectures", fmt::format("[\"{}\"]", architecture_of(hf.family)));
  json.add("model_type", model_type_of(hf.family));
  json.add("torch_dtype", name_of(dtype));
  add_sizes(json, config.model);
  if (hf.family == HfFamily::t5) {
    add_t5(json, config.model);
  } else {
    add_switch(json, config, hf);
  }
  hf.config_json = json.str();
  return hf;
}

}  // namespace sy::convert
