// SPDX-License-Identifier: Apache-2.0
#include "tests/convert/hf_fixture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "lib/convert/hf/hf_folder.h"
#include "lib/convert/hf/safetensors.h"

namespace sy::test {
using namespace convert;
namespace {

// The state dict of the reference's section 3; of T5, with DenseReluDense for mlp.
class StateDict {
 public:
  explicit StateDict(const HfSpec& spec) : m_(spec) {
    shapes_["shared.weight"] = {m_.vocabulary, m_.d};
    if (!m_.tied) shapes_["lm_head.weight"] = {m_.vocabulary, m_.d};
    add_stack("encoder", m_.encoder, m_.sparse_encoder);
    add_stack("decoder", m_.decoder, m_.sparse_decoder);
  }
  HfShapes take() { return std::move(shapes_); }

 private:
  void add_attention(const std::string& prefix) {
    const int64_t inner = m_.heads * m_.head;
    for (const char* leaf : {"q", "k", "v"}) shapes_[prefix + leaf + ".weight"] = {inner, m_.d};
    shapes_[prefix + "o.weight"] = {m_.d, inner};
  }
  void add_dense(const std::string& prefix) {
    if (m_.activation == Activation::geglu) {
      shapes_[prefix + "wi_0.weight"] = shapes_[prefix + "wi_1.weight"] = {m_.f, m_.d};
    } else {
      shapes_[prefix + "wi.weight"] = {m_.f, m_.d};
    }
    shapes_[prefix + "wo.weight"] = {m_.d, m_.f};
  }
  void add_feed_forward(const std::string& prefix, bool sparse) {
    shapes_[prefix + "layer_norm.weight"] = {m_.d};
    if (!sparse) return add_dense(prefix + (m_.experts == 0 ? "DenseReluDense." : "mlp."));
    shapes_[prefix + "mlp.router.classifier.weight"] = {m_.experts, m_.d};
    for (int64_t e = 0; e < m_.experts; ++e) {
      add_dense(fmt::format("{}mlp.experts.expert_{}.", prefix, e));
    }
  }
  void add_stack(const std::string& stack, int64_t layers, int64_t sparse_layers) {
    const bool decoder = stack == "decoder";
    const int64_t step = sparse_layers == 0 ? 0 : layers / sparse_layers;
    for (int64_t n = 0; n < layers; ++n) {
      const std::string layer = fmt::format("{}.block.{}.layer.", stack, n);
      shapes_[layer + "0.layer_norm.weight"] = {m_.d};
      add_attention(layer + "0.SelfAttention.");
      if (decoder) {
        shapes_[layer + "1.layer_norm.weight"] = {m_.d};
        add_attention(layer + "1.EncDecAttention.");
      }
      add_feed_forward(layer + (decoder ? "2." : "1."), step == 1 || (step > 1 && n % step == 1));
    }
    shapes_[stack + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = {32,
                                                                                        m_.heads};
    shapes_[stack + ".final_layer_norm.weight"] = {m_.d};
  }

  const HfSpec& m_;
  HfShapes shapes_;
};

void write_file(const std::string& path, const HfValues& values) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, value] : values) entries.push_back({name, value.dtype, value.shape});
  SafetensorsWriter writer(path, entries);
  for (const auto& [name, value] : values) {
    writer.append(value.bytes.data(), static_cast<int64_t>(value.bytes.size()));
  }
  writer.close();
}

}  // namespace

const std::vector<HfSpec>& tiny_models() {
  constexpr Activation kRelu = Activation::relu;
  static const std::vector<HfSpec> models{
      {"t5", 6, 10, 3, 2, 1, 0, 0, 0, true, kRelu, 0, 20, 4},
      {"t5 1.1", 6, 10, 3, 1, 2, 0, 0, 0, false, Activation::geglu, 0, 20, 4},
      {"switch", 6, 10, 3, 4, 2, 3, 2, 1, true, kRelu, 0, 20, 4},
      {"switch, sparse throughout", 6, 10, 1, 2, 3, 2, 2, 3, false, Activation::gelu, 0, 20, 4}};
  return models;
}

HfShapes state_dict(const HfSpec& spec) {
  return StateDict(spec).take();
}

std::string config_json(const HfSpec& spec) {
  std::string json = fmt::format(
      R"({{"model_type": "{}", "vocab_size": {}, "d_model": {}, "d_kv": {}, "d_ff": {}, )"
      R"("num_heads": {}, "num_layers": {}, "num_decoder_layers": {}, "dropout_rate": 0.1, )"
      R"("tie_word_embeddings": {})",
      model_type_of(spec.family()), spec.vocabulary, spec.d, spec.head, spec.f, spec.heads,
      spec.encoder, spec.decoder, spec.tied);
  const bool gelu = spec.activation == Activation::gelu;
  if (spec.experts == 0) {
    const bool gated = spec.activation == Activation::geglu;
    return json + fmt::format(R"(, "feed_forward_proj": "{}"}})", gated ? "gated-gelu" : "relu");
  }
  return json + fmt::format(R"(, "num_experts": {}, "num_sparse_encoder_layers": {}, )"
                            R"("num_sparse_decoder_layers": {}, "dense_act_fn": "{}", )"
                            R"("expert_capacity": 17}})",
                            spec.experts, spec.sparse_encoder, spec.sparse_decoder,
                            gelu ? "gelu_new" : "relu");
}

HfValues random_values(const HfShapes& shapes, FloatType type) {
  HfValues values;
  std::mt19937 random(7);
  for (const auto& [name, shape] : shapes) {
    HfValue& value = values[name];
    value = {safetensors_name(type), shape, std::string(size_of(type), '\0')};
    for (const int64_t extent : shape) {
      value.bytes.resize(value.bytes.size() * static_cast<size_t>(extent));
    }
    for (char& byte : value.bytes) byte = static_cast<char>(random());
  }
  return values;
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write_hf_folder(const std::string& folder, const std::string& config, const HfValues& values,
                     int files) {
  std::filesystem::create_directories(folder);
  write_text(folder + "/" + kHfConfigName, config);
  if (files == 1) return write_file(folder + "/" + kHfSingleName, values);
  std::map<std::string, HfValues> by_file;
  std::vector<std::string> map;
  for (const auto& [name, value] : values) {
    const std::string file = hf_shard_name(static_cast<int64_t>(map.size()) % files, files);
    by_file[file][name] = value;
    map.push_back(fmt::format("\"{}\": \"{}\"", name, file));
  }
  for (const auto& [file, part] : by_file) write_file(folder + "/" + file, part);
  write_text(folder + "/" + kHfIndexName,
             fmt::format("{{\"weight_map\": {{{}}}}}", fmt::join(map, ", ")));
}

HfValues read_hf_folder(const std::string& path) {
  HfFolder folder(path);
  HfValues values;
  for (const auto& [name, entry] : folder.tensors()) {
    std::string bytes(static_cast<size_t>(entry.bytes), '\0');
    folder.read(entry, 0, entry.bytes, bytes.data());
    values[name] = {entry.dtype, entry.shape, std::move(bytes)};
  }
  return values;
}

}  // namespace sy::test
