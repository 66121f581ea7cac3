// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_names.h"

#include <algorithm>
#include <string_view>

#include "lib/convert/param_stream.h"

namespace sy::convert {
namespace {

// "encoder/layers/3/moe/wi" split into parts; parameters of the model or of a stack have fewer.
struct OurName {
  explicit OurName(std::string_view rest) {
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('/'), rest.size());
      parts.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  bool in_layer() const { return parts.size() == 5; }
  const std::string& stack() const { return parts[0]; }
  const std::string& layer() const { return parts[2]; }
  const std::string& part() const { return parts[3]; }
  const std::string& leaf() const { return parts.back(); }

  std::vector<std::string> parts;
};

[[noreturn]] void fail_unknown(const std::string& name) {
  SY_CHECK(false, "{} has no counterpart in Hugging Face's models", name);
}

// The name of a parameter of the model or of a stack.
std::string outer_name(const std::string& name, const OurName& our) {
  if (name == "shared/embedding") return "shared.weight";
  if (name == "lm_head") return "lm_head.weight";
  if (our.leaf() == "final_norm") return our.stack() + ".final_layer_norm.weight";
  if (our.leaf() == "relative_bias") {
    return our.stack() + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  }
  fail_unknown(name);
}

// The index of the sub-layer in its block.
int sub_layer(const OurName& our) {
  if (our.part() == "self_attention") return 0;
  return our.stack() == "encoder" || our.part() == "cross_attention" ? 1 : 2;
}

// "wi", or in a gated layer "wi_0" (activated) and "wi_1" (linear).
std::string feed_forward_leaf(const std::string& leaf, Activation activation) {
  if (leaf == "wi_linear") return "wi_1";
  return leaf == "wi" && activation == Activation::geglu ? "wi_0" : leaf;
}

std::string inner_name(const OurName& our, int64_t slice, HfFamily family, Activation activation) {
  if (our.leaf() == "norm") return "layer_norm";
  if (our.part() == "self_attention") return "SelfAttention." + our.leaf();
  if (our.part() == "cross_attention") return "EncDecAttention." + our.leaf();
  const std::string leaf = feed_forward_leaf(our.leaf(), activation);
  const bool sparse_family = family == HfFamily::switch_transformers;
  if (our.part() == "ffn") return (sparse_family ? "mlp." : "DenseReluDense.") + leaf;
  if (our.leaf() == "router") return "mlp.router.classifier";
  return fmt::format("mlp.experts.expert_{}.{}", slice, leaf);
}

}  // namespace

const char* model_type_of(HfFamily family) {
  if (family == HfFamily::mt5) return "mt5";
  return family == HfFamily::t5 ? "t5" : "switch_transformers";
}

std::optional<HfFamily> family_of(std::string_view model_type) {
  for (const HfFamily family : {HfFamily::t5, HfFamily::mt5, HfFamily::switch_transformers}) {
    if (model_type == model_type_of(family)) return family;
  }
  return std::nullopt;
}

const char* architecture_of(HfFamily family) {
  if (family == HfFamily::mt5) return "MT5ForConditionalGeneration";
  return family == HfFamily::t5 ? "T5ForConditionalGeneration"
                                : "SwitchTransformersForConditionalGeneration";
}

HfTensor hf_tensor(const Param& param, int64_t slice, HfFamily family, Activation activation) {
  const OurName our(param.name);
  const Shape shape = slice_shape(param);
  HfTensor tensor;
  if (!our.in_layer()) {
    tensor.name = outer_name(param.name, our);
  } else {
    SY_CHECK(our.part() != "moe" || family == HfFamily::switch_transformers, "T5 has no {}",
             param.name);
    SY_CHECK(activation != Activation::geglu || family != HfFamily::switch_transformers,
             "SwitchTransformers has no gated layers such as {}", param.name);
    tensor.name = fmt::format("{}.block.{}.layer.{}.{}.weight", our.stack(), our.layer(),
                              sub_layer(our), inner_name(our, slice, family, activation));
    tensor.transposed = shape.rank() == 2;
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    tensor.shape.push_back(shape[tensor.transposed ? shape.rank() - 1 - axis : axis]);
  }
  return tensor;
}

std::vector<std::string> hf_aliases(const Param& param, bool tied) {
  if (param.name == "lm_head") return {"decoder.lm_head.weight"};
  if (param.name != "shared/embedding") return {};
  std::vector<std::string> names{"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"};
  if (tied) names.insert(names.end(), {"lm_head.weight", "decoder.lm_head.weight"});
  return names;
}

std::vector<std::string> hf_copies(const Param& param, HfFamily family, bool tied) {
  const bool needed = family == HfFamily::switch_transformers && !tied;
  return needed && param.name == "shared/embedding" ? hf_aliases(param, tied)
                                                    : std::vector<std::string>{};
}

bool is_unused_by_hf(const std::string& name) {
  return name == "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
}

}  // namespace sy::convert
