// SPDX-License-Identifier: Apache-2.0
#include "lib/convert/hf/hf_config.h"

#include <catch2/catch.hpp>

#include "lib/config/config.h"
#include "tests/convert/hf_fixture.h"

namespace sy::convert {
namespace {
using namespace test;

HfModel parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_hf_config(text, "IN/config.json", overrides);
}

std::string complaint(const std::string& text) {
  try {
    parse(text);
    return "";
  } catch (const DataError& error) {
    return error.what();
  }
}

TEST_CASE("hf config: the classes' defaults", "[convert_hf_config]") {
  const HfModel t5 = parse(R"({"model_type": "t5"})");
  CHECK(t5.family == HfFamily::t5);
  CHECK(t5.config.model.d_model == 512);
  CHECK(t5.config.model.num_heads == 8);
  CHECK(t5.config.model.decoder_layers == 6);
  CHECK(t5.config.model.tie_embeddings);
  CHECK(t5.config.model.experts.count == 0);
  CHECK(t5.config.model.activation == Activation::relu);
  CHECK_FALSE(t5.config.data.decoder_length.is_auto);
  const HfModel sparse = parse(R"({"model_type": "switch_transformers", "dense_act_fn": null,
                                   "num_sparse_encoder_layers": 6, "num_sparse_decoder_layers": 6})");
  CHECK(sparse.config.model.d_model == 768);
  CHECK(sparse.config.model.encoder_layers == 12);
  CHECK(sparse.config.model.experts.count == 8);
  CHECK(sparse.config.model.experts.interval == 2);
  CHECK(sparse.config.model.experts.capacity == CapacityMode::fixed);
  CHECK(sparse.config.model.experts.fixed_capacity == 64);
  CHECK(sparse.config.model.experts.convention == Convention::hugging_face);
  CHECK(sparse.config.model.experts.group_sequences == 1);
  CHECK(sparse.config.model.experts.dropout == 0.1);
  CHECK(sparse.warnings.empty());
}

TEST_CASE("hf config: activations", "[convert_hf_config]") {
  const auto activation = [](const std::string& keys) {
    return parse(R"({"model_type": "t5", )" + keys + "}").config.model.activation;
  };
  CHECK(activation(R"("feed_forward_proj": "gated-gelu")") == Activation::geglu);
  CHECK(activation(R"("feed_forward_proj": "gelu_new")") == Activation::gelu);
  CHECK(activation(R"("feed_forward_proj": "relu", "is_gated_act": false)") == Activation::relu);
  CHECK(activation(R"("is_gated_act": true, "dense_act_fn": "gelu_new")") == Activation::geglu);
  const HfModel exact = parse(R"({"model_type": "t5", "feed_forward_proj": "gelu"})");
  CHECK(exact.config.model.activation == Activation::gelu);
  REQUIRE(exact.warnings.size() == 1);
  CHECK_THAT(exact.warnings[0], Catch::Contains("exact gelu"));
  for (const char* other : {"gated-relu", "gated-silu", "silu"}) {
    CHECK_THAT(
        complaint(fmt::format(R"({{"model_type": "t5", "feed_forward_proj": "{}"}})", other)),
        Catch::Contains("IN/config.json: dense_act_fn is"));
  }
}

TEST_CASE("hf config: all faults at once", "[convert_hf_config]") {
  const std::string message = complaint(
      R"({"model_type": "switch_transformers", "d_model": "768", "d_ff": -3, "num_experts": 0,
          "router_bias": true, "is_gated_act": true, "num_layers": 12, "vocab_size": 3.5})");
  for (const char* part :
       {"d_model is not an integer", "vocab_size is not an integer", "model.d_ff: -3",
        "num_experts is below 1", "router_bias is true", "has no gated layers"}) {
    CHECK_THAT(message, Catch::Contains(part));
  }
  CHECK_THAT(complaint(R"({"model_type": "bert"})"), Catch::Contains("is 'bert'"));
  CHECK_THAT(complaint("{}"), Catch::Contains("model_type is ''"));
  CHECK_THAT(complaint("[]"), Catch::Contains("IN/config.json is not a JSON object"));
  CHECK_THAT(complaint(R"({"model_type": "t5", "num_layers": 1e30})"),
             Catch::Contains("num_layers is not an integer"));
  CHECK_THAT(complaint(R"({"model_type": "switch_transformers", "num_layers": 9000000000})"),
             Catch::Contains("model.encoder_layers: 9000000000"));
}

TEST_CASE("hf config: keys set over the file", "[convert_hf_config]") {
  // As a hub file has it for a model that is sparse throughout, and has an output projection.
  const std::string text = R"({"model_type": "switch_transformers", "num_layers": 15,
      "num_decoder_layers": 12, "encoder_sparse_step": 1, "decoder_sparse_step": 0})";
  CHECK(parse(text).config.model.experts.layers.decoder == AutoInts{false, {}});
  const HfModel hf = parse(text, {"num_decoder_layers=15", "decoder_sparse_step=1",
                                  "tie_word_embeddings=false", "dense_act_fn=gelu_new"});
  CHECK(hf.config.model.decoder_layers == 15);
  CHECK(hf.config.model.experts.interval == 1);
  CHECK_FALSE(hf.config.model.tie_embeddings);
  CHECK(hf.config.model.activation == Activation::gelu);
  CHECK_THROWS_AS(parse(text, {"num_layers"}), ConfigError);
}

TEST_CASE("hf config: special ids go there and back", "[convert_hf_config]") {
  const HfModel plain = parse(R"({"model_type": "t5", "pad_token_id": null})");
  CHECK(special_ids(plain.config.model).pad == 0);
  CHECK(special_ids(plain.config.model).eos == 1);
  CHECK(special_ids(plain.config.model).start == 0);
  const HfModel other =
      parse(R"({"model_type": "t5", "pad_token_id": 3, "eos_token_id": 7, "bos_token_id": 9})");
  CHECK(special_ids(other.config.model).start == 3);
  const HfDescription written = describe_for_hf(other.config, other.family, FloatType::f32);
  for (const char* key :
       {"\"pad_token_id\": 3", "\"eos_token_id\": 7", "\"decoder_start_token_id\": 3"}) {
    CHECK_THAT(written.config_json, Catch::Contains(key));
  }
  CHECK_THAT(complaint(R"({"model_type": "t5", "eos_token_id": [1, 2]})"),
             Catch::Contains("eos_token_id is not an integer"));
  CHECK_THAT(complaint(R"({"model_type": "t5", "eos_token_id": 32128})"),
             Catch::Contains("model.eos_id: 32128"));
}

TEST_CASE("hf config: ties and scaling as transformers 5 spells them", "[convert_hf_config]") {
  const auto model = [](const std::string& keys) {
    return parse(R"({"model_type": "t5", )" + keys + "}").config.model;
  };
  CHECK(scales_decoder_outputs(model(R"("d_kv": 8)")));
  CHECK_FALSE(scales_decoder_outputs(model(R"("tie_word_embeddings": false)")));
  for (const char* tied : {"true", "false"}) {
    for (const bool scaled : {true, false}) {
      const std::string keys = fmt::format(
          R"({{"model_type": "t5", "tie_word_embeddings": {}, "scale_decoder_outputs": {}}})", tied,
          scaled);
      const HfModel hf = parse(keys);
      CAPTURE(keys);
      CHECK(scales_decoder_outputs(hf.config.model) == scaled);
      const HfDescription written = describe_for_hf(hf.config, hf.family, FloatType::f32);
      const HfModel again = parse(written.config_json);
      CHECK(scales_decoder_outputs(again.config.model) == scaled);
      CHECK(again.config.model.tie_embeddings == hf.config.model.tie_embeddings);
      CHECK(written.warnings.empty() == (scaled == hf.config.model.tie_embeddings));
    }
  }
}

TEST_CASE("hf config: mt5 is read and stays mt5, umt5 is refused", "[convert_hf_config]") {
  const HfModel hf = parse(R"({"model_type": "mt5"})");
  CHECK(hf.config.model.activation == Activation::geglu);
  CHECK(hf.config.model.vocab_size.value == 250112);
  CHECK(hf.config.model.num_heads == 6);
  CHECK_FALSE(hf.config.model.tie_embeddings);
  const HfDescription written = describe_for_hf(hf.config, hf.family, FloatType::f32);
  CHECK_THAT(written.config_json, Catch::Contains("\"model_type\": \"mt5\"") &&
                                      Catch::Contains("MT5ForConditionalGeneration"));
  CHECK_THAT(complaint(R"({"model_type": "umt5"})"), Catch::Contains("model_type is 'umt5'"));
}

TEST_CASE("hf config: JSON as Python and Windows write it", "[convert_hf_config]") {
  CHECK(parse("\xef\xbb\xbf{\"model_type\": \"t5\"}").config.model.d_model == 512);
  const HfModel hf = parse(
      R"({"a": NaN, "b": [Infinity, -Infinity], "c": "NaN \" Infinity", "model_type": "t5"})");
  CHECK(hf.config.model.d_model == 512);
  CHECK(parse(R"({"dropout_rate": NaN, "model_type": "t5"})").config.model.dropout == 0.1);
  CHECK_THAT(complaint(R"({"model_type": "t5", Nan: 1})"), Catch::Contains("not a JSON object"));
}

TEST_CASE("hf config: what is not the same here is said", "[convert_hf_config]") {
  const HfModel hf = parse(R"({"model_type": "switch_transformers", "router_dtype": "bfloat16",
      "layer_norm_epsilon": 1e-5, "num_sparse_encoder_layers": 6, "num_sparse_decoder_layers": 6})");
  REQUIRE(hf.warnings.size() == 2);
  CHECK_THAT(hf.warnings[0], Catch::Contains("layer_norm_epsilon is 1e-05"));
  CHECK_THAT(hf.warnings[1], Catch::Contains("router_dtype is bfloat16"));
}

TEST_CASE("hf config: written and read again", "[convert_hf_config]") {
  for (const HfSpec& spec : tiny_models()) {
    INFO(spec.name);
    const HfModel hf = parse(config_json(spec));
    const HfDescription written = describe_for_hf(hf.config, hf.family, FloatType::bf16);
    CHECK(written.warnings.empty());
    CHECK_THAT(written.config_json, Catch::Contains("\"torch_dtype\": \"bfloat16\""));
    const HfModel again = parse(written.config_json);
    CHECK(again.family == hf.family);
    const bool gated = spec.activation == Activation::geglu;
    CHECK(gated ==
          (written.config_json.find("\"feed_forward_proj\": \"gated-gelu\"") != std::string::npos));
    CHECK(write_config(again.config) == write_config(hf.config));
  }
}

TEST_CASE("hf config: a stack without sparse layers stays so", "[convert_hf_config]") {
  RunConfig config = parse(config_json(tiny_models()[2])).config;
  config.model.decoder_layers = 1;
  const HfDescription written = describe_for_hf(config, std::nullopt, FloatType::f32);
  CHECK_THAT(written.config_json, Catch::Contains("\"decoder_sparse_step\": 0"));
  CHECK(write_config(parse(written.config_json).config) == write_config(config));
  // A dense model of the sparse class.
  config.model.experts.count = 0;
  const auto family = HfFamily::switch_transformers;
  CHECK(describe_for_hf(config, family, FloatType::f32).family == family);
  CHECK(describe_for_hf(config, std::nullopt, FloatType::f32).family == HfFamily::t5);
}

TEST_CASE("hf config: what Hugging Face cannot do", "[convert_hf_config]") {
  RunConfig config = parse(config_json(tiny_models()[2])).config;
  const auto warnings = [&] {
    return describe_for_hf(config, std::nullopt, FloatType::f32).warnings;
  };
  ExpertsSection& experts = config.model.experts;
  SECTION("capacity") {
    experts.group_sequences = 2;
    REQUIRE(warnings().size() == 1);
    CHECK_THAT(warnings()[0], Catch::Contains("group_sequences is 2"));
    experts.capacity = CapacityMode::dropless;
    CHECK_THAT(warnings()[0], Catch::Contains("expert_capacity is written as 128"));
    experts.capacity = CapacityMode::factor;  // 128 tokens * 2.0 / 3 experts
    CHECK_THAT(warnings()[0], Catch::Contains("expert_capacity is written as 85"));
  }
  SECTION("dropout of experts") {
    experts.dropout = 0.4;
    CHECK_THAT(warnings().at(0), Catch::Contains("model.experts.dropout (0.4) is lost"));
  }
  SECTION("routers") {
    experts.top_k = 2;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("one expert per token, this model 2"));
    experts.top_k = 1;
    experts.routing = Routing::hash;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("model.experts.routing"));
    experts.routing = Routing::expert_choice;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("experts choose tokens"));
    experts.routing = Routing::learned;
    experts.attention.decoder = {false, {1}};
    CHECK_THROWS_WITH(warnings(), Catch::Contains("has dense attention"));
    experts.attention.decoder = {false, {}};
    experts.exploration = Exploration::noise;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("model.experts.exploration"));
    experts.exploration = Exploration::jitter;
    experts.balance_bias = 0.001;
    experts.shared_expert = 8;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("model.experts.balance_bias") &&
                                      Catch::Contains("model.experts.shared_expert"));
  }
  SECTION("gated experts and intervals") {
    config.model.activation = Activation::geglu;
    experts.interval = 3;
    CHECK_THROWS_WITH(warnings(), Catch::Contains("no gated layers") &&
                                      Catch::Contains("model.experts.interval"));
    CHECK_THROWS_AS(warnings(), ConfigError);
  }
}

}  // namespace
}  // namespace sy::convert
