// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_names.h"

#include <catch2/catch.hpp>
#include <map>

#include "lib/convert/hf/sparse_layers.h"
#include "lib/convert/param_stream.h"
#include "tests/convert/hf_fixture.h"

namespace sy::convert {
namespace {
using namespace test;

constexpr Activation kRelu = Activation::relu, kGelu = Activation::gelu, kGeglu = Activation::geglu;

// The parameter counts were recomputed from the layout by others.
constexpr HfSpec kPublished[] = {
    {"switch-base-8", 768, 3072, 12, 12, 12, 8, 6, 6, true, kRelu, 619'339'008},
    {"switch-base-16", 768, 3072, 12, 12, 12, 16, 6, 6, true, kRelu, 1'072'397'568},
    {"switch-base-32", 768, 3072, 12, 12, 12, 32, 6, 6, true, kRelu, 1'978'514'688},
    {"switch-base-64", 768, 3072, 12, 12, 12, 64, 6, 6, true, kRelu, 3'790'748'928},
    {"switch-base-128", 768, 3072, 12, 12, 12, 128, 6, 6, true, kRelu, 7'415'217'408},
    {"switch-base-256", 768, 3072, 12, 12, 12, 256, 6, 6, true, kRelu, 14'664'154'368},
    {"switch-large-128", 1024, 4096, 16, 24, 24, 128, 12, 12, true, kRelu, 26'309'291'008},
    {"switch-xxl-128 as on the hub", 4096, 10240, 64, 48, 12, 128, 24, 6, true, kGelu, 0},
    {"switch-c-2048", 2080, 6144, 30, 15, 15, 2048, 15, 15, false, kRelu, 1'571'327'875'360},
    {"t5-base", 768, 3072, 12, 12, 12, 0, 0, 0, true, kRelu, 222'903'552},
    {"t5-v1_1-base", 768, 2048, 12, 12, 12, 0, 0, 0, false, kGeglu, 247'577'856},
};

ModelSection our_model(const HfSpec& published) {
  ModelSection model;
  model.vocab_size = {false, published.vocabulary};
  model.d_model = published.d;
  model.d_kv = published.head;
  model.num_heads = published.heads;
  model.d_ff = published.f;
  model.encoder_layers = published.encoder;
  model.decoder_layers = published.decoder;
  model.tie_embeddings = published.tied;
  model.activation = published.activation;
  model.experts.count = published.experts;
  if (published.experts == 0) return model;
  const HfStack encoder = HfStack::derived(published.encoder, published.sparse_encoder);
  const HfStack decoder = HfStack::derived(published.decoder, published.sparse_decoder);
  set_sparse_layers(model, encoder, decoder);
  CHECK(find_hf_stack(model, Stack::encoder)->sparse_layers == published.sparse_encoder);
  CHECK(find_hf_stack(model, Stack::decoder)->sparse_layers == published.sparse_decoder);
  return model;
}

TEST_CASE("hf names: every published model, by name and shape", "[convert_hf_names]") {
  for (const HfSpec& published : kPublished) {
    INFO(published.name);
    const ModelSection model = our_model(published);
    HfShapes ours;
    int64_t parameters = 0;
    for (const Param& param : model_params(model)) {
      parameters += param.shape.numel();
      for (int64_t slice = 0; slice < slices_of(param); ++slice) {
        const HfTensor tensor = hf_tensor(param, slice, published.family(), model.activation);
        const bool fresh = ours.emplace(tensor.name, tensor.shape).second;
        if (!fresh) FAIL(tensor.name << " comes twice");
      }
    }
    CHECK((ours == state_dict(published)));
    if (published.parameters != 0) CHECK(parameters == published.parameters);
  }
}

TEST_CASE("hf names: what is transposed", "[convert_hf_names]") {
  const ModelSection model = our_model(kPublished[0]);
  std::map<std::string, bool> transposed;
  for (const Param& param : model_params(model)) {
    transposed[param.name] =
        hf_tensor(param, 0, HfFamily::switch_transformers, model.activation).transposed;
  }
  for (const char* name :
       {"encoder/layers/0/self_attention/q", "decoder/layers/0/cross_attention/o",
        "encoder/layers/0/ffn/wi", "encoder/layers/1/moe/wo", "decoder/layers/1/moe/router"}) {
    CHECK(transposed.at(name));
  }
  for (const char* name : {"shared/embedding", "encoder/relative_bias", "decoder/final_norm",
                           "encoder/layers/0/self_attention/norm"}) {
    CHECK_FALSE(transposed.at(name));
  }
}

TEST_CASE("hf names: what a family does not have", "[convert_hf_names]") {
  Param sparse;
  sparse.name = "encoder/layers/1/moe/wi";
  sparse.shape = {2, 4, 8};
  sparse.placement = Placement::expert();
  CHECK_THROWS_AS(hf_tensor(sparse, 0, HfFamily::t5, kRelu), InternalError);
  CHECK_THROWS_AS(hf_tensor(sparse, 0, HfFamily::switch_transformers, kGeglu), InternalError);
}

TEST_CASE("sparse layers: an interval where the two rules meet, else lists", "[convert_hf_names]") {
  using Layers = std::vector<int64_t>;
  ModelSection model;
  model.experts.count = 8;
  const auto set = [&](int64_t encoder_layers, int64_t encoder_step, int64_t decoder_layers,
                       int64_t decoder_step) {
    model.encoder_layers = encoder_layers;
    model.decoder_layers = decoder_layers;
    const HfStack encoder{encoder_layers, 0, encoder_step},
        decoder{decoder_layers, 0, decoder_step};
    set_sparse_layers(model, encoder, decoder);
    for (int64_t layer = 0; layer < encoder_layers; ++layer) {
      CHECK(is_sparse_layer(model, Stack::encoder, layer) ==
            is_hf_sparse_layer(layer, encoder_step));
    }
    for (int64_t layer = 0; layer < decoder_layers; ++layer) {
      CHECK(is_sparse_layer(model, Stack::decoder, layer) ==
            is_hf_sparse_layer(layer, decoder_step));
    }
    CHECK(find_hf_stack(model, Stack::encoder));
    CHECK(find_hf_stack(model, Stack::decoder));
    return model.experts.layers.encoder.is_auto ? model.experts.interval : 0;
  };
  CHECK(set(12, 2, 12, 2) == 2);
  CHECK(set(15, 1, 15, 1) == 1);
  CHECK(set(1, 1, 2, 1) == 1);
  CHECK(set(2, 2, 3, 3) == 2);    // one sparse layer, the second
  CHECK(set(12, 4, 12, 4) == 0);  // the class's defaults
  CHECK(model.experts.layers.encoder.values == Layers{1, 5, 9});
  CHECK(set(7, 3, 5, 0) == 0);
  CHECK(model.experts.layers.encoder.values == Layers{1, 4});
  CHECK(model.experts.layers.decoder.values.empty());
  CHECK(set(15, 1, 12, 0) == 0);  // as the hub has Switch-C
  CHECK(HfStack::derived(12, 5).count_sparse() == 6);
  CHECK(HfStack::derived(12, 0).count_sparse() == 1);
}

TEST_CASE("sparse layers: what Hugging Face's rule cannot say", "[convert_hf_names]") {
  ModelSection model;
  model.experts.count = 8;
  const auto sparse_layers = [&](int64_t every, int64_t layers) -> std::optional<int64_t> {
    model.experts.interval = every;
    model.encoder_layers = layers;
    const std::optional<HfStack> stack = find_hf_stack(model, Stack::encoder);
    if (!stack) return std::nullopt;
    CHECK(stack->count_sparse() == layers / every);
    return stack->sparse_layers;
  };
  CHECK(sparse_layers(2, 12) == 6);
  CHECK(sparse_layers(2, 5) == 2);
  CHECK(sparse_layers(2, 3) == 1);
  CHECK(sparse_layers(2, 1) == 0);
  CHECK(sparse_layers(1, 5) == 5);
  CHECK_FALSE(sparse_layers(4, 12));
  CHECK(sparse_layers(4, 3) == 0);
  model.experts.layers.encoder = {false, {0}};
  CHECK_FALSE(find_hf_stack(model, Stack::encoder));
}

}  // namespace
}  // namespace sy::convert
