// SPDX-License-Identifier: Apache-2.0
// Names, shapes, placements and initial standard deviations of the parameters, and the published
// model sizes.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

ModelSection published(int64_t d_model, int64_t d_ff, int64_t heads, int64_t layers,
                       int64_t experts, int64_t interval) {
  ModelSection model;
  model.vocab_size = {false, 32128};
  model.d_model = d_model;
  model.d_ff = d_ff;
  model.d_kv = 64;
  model.num_heads = heads;
  model.encoder_layers = model.decoder_layers = layers;
  model.experts.count = experts;
  model.experts.interval = interval;
  model.experts.group_sequences = 1;
  return model;
}

// Planning allocates nothing, so models of any size can be counted here.
int64_t parameters_of(const ModelSection& section) {
  const auto world = make_self_communicator();
  Mesh mesh(*world, {});
  SwitchModel model(section, {1, 512, 114}, mesh, DType::f32);
  Exec exec;
  model.plan(exec);
  const int64_t count = model.params().global_count();
  CHECK(model.memory().parameters >= 4 * count);
  CHECK(model.memory().activations > 0);
  CHECK(model.memory().scratch > 0);
  return count;
}

TEST_CASE("layout: T5-Base has the published number of parameters", "[layout]") {
  CHECK(parameters_of(published(768, 3072, 12, 12, 0, 1)) == 222'903'552);
}

TEST_CASE("layout: the sparse models have the published numbers of parameters", "[layout]") {
  CHECK(parameters_of(published(768, 3072, 12, 12, 8, 2)) == 619'339'008);
  CHECK(parameters_of(published(768, 3072, 12, 12, 128, 2)) == 7'415'217'408);
  CHECK(parameters_of(published(1024, 4096, 16, 24, 128, 2)) == 26'309'291'008);
  ModelSection xxl = published(4096, 10240, 64, 24, 128, 2);
  xxl.activation = Activation::geglu;
  xxl.tie_embeddings = false;
  CHECK(parameters_of(xxl) == 394'675'073'024);
  ModelSection c = published(2080, 6144, 30, 15, 2048, 1);
  c.tie_embeddings = false;
  CHECK(parameters_of(c) == 1'571'327'875'360);
}

// The parameters whose initial values model.initialisation can change, by the end of their names.
std::map<std::string, Init> inits_of(const ModelSection& section) {
  ModelFixture f(section, {2, 4, 4});
  std::map<std::string, Init> inits;
  for (const Param& param : f.model.params().all()) {
    for (const std::string end : {"attention/q", "attention/k", "attention/v", "attention/o",
                                  "moe/router", "moe/wi", "moe/wo", "ffn/wi", "relative_bias"}) {
      if (param.name.ends_with(end)) inits[end] = param.init;
    }
  }
  REQUIRE(inits.size() == 9);
  return inits;
}

void check_init(const Init& init, Init::Kind kind, double variance) {
  CHECK(init.kind == kind);
  CHECK(init.std == Approx(std::sqrt(variance)).epsilon(1e-12));
}

// d_model 6, d_kv 3, 2 heads, d_ff 7, 8 buckets.
TEST_CASE("layout: the initial values of Mesh TensorFlow and of Flaxformer", "[layout]") {
  using enum Init::Kind;
  ModelSection section = tiny_sparse_model(4, 2);
  const bool all = GENERATE(false, true);
  const double s = 0.1, attention = all ? 1.0 : s;
  if (all) {
    section.initialisation = {.attention = {false, 1.0},
                              .experts = ExpertValues::normal,
                              .relative_bias = {false, 0.5},
                              .router = {false, 0.02}};
  }
  std::map<std::string, Init> inits = inits_of(section);
  const Init::Kind kind = all ? normal : truncated_normal;
  check_init(inits["attention/q"], kind, attention / (6 * 3));
  check_init(inits["attention/k"], kind, attention / 6);
  check_init(inits["attention/v"], kind, attention / 6);
  check_init(inits["attention/o"], kind, attention / (2 * 3));
  check_init(inits["moe/wi"], kind, s / 6);
  check_init(inits["moe/wo"], kind, s / 7);
  check_init(inits["moe/router"], kind, all ? 0.02 * 0.02 : s / 6);
  check_init(inits["ffn/wi"], truncated_normal, s / 6);
  check_init(inits["relative_bias"], all ? uniform : normal, all ? 0.5 / 5 : s / 6);
}

struct Expected {
  Shape shape;
  double std;  // 0: ones
};

TEST_CASE("layout: names, shapes and spreads of a dense model", "[layout]") {
  ModelSection section = tiny_model();  // d_model 6, d_kv 3, 2 heads, d_ff 7, 13 words
  section.activation = Activation::geglu;
  section.tie_embeddings = false;
  section.d_kv = 4;
  section.encoder_layers = section.decoder_layers = 1;
  const double s = section.init_scale;
  std::map<std::string, Expected> expected{
      {"shared/embedding", {{13, 6}, 1.0}},
      {"lm_head", {{13, 6}, std::sqrt(s / 6)}},
  };
  for (const std::string stack : {"encoder", "decoder"}) {
    expected[stack + "/relative_bias"] = {{8, 2}, std::sqrt(s / 6)};
    expected[stack + "/final_norm"] = {{6}, 0};
    for (const std::string kind : {"self_attention", "cross_attention"}) {
      if (stack == "encoder" && kind == "cross_attention") continue;
      const std::string prefix = stack + "/layers/0/" + kind;
      expected[prefix + "/norm"] = {{6}, 0};
      expected[prefix + "/q"] = {{6, 8}, std::sqrt(s / (6 * 4))};
      expected[prefix + "/k"] = expected[prefix + "/v"] = {{6, 8}, std::sqrt(s / 6)};
      expected[prefix + "/o"] = {{8, 6}, std::sqrt(s / 8)};
    }
    const std::string prefix = stack + "/layers/0/ffn";
    expected[prefix + "/norm"] = {{6}, 0};
    expected[prefix + "/wi"] = expected[prefix + "/wi_linear"] = {{6, 7}, std::sqrt(s / 6)};
    expected[prefix + "/wo"] = {{7, 6}, std::sqrt(s / 7)};
  }
  ModelFixture f(section, {1, 4, 4});
  CHECK(f.model.params().all().size() == expected.size());
  for (const Param& param : f.model.params().all()) {
    INFO(param.name);
    REQUIRE(expected.count(param.name) == 1);
    const Expected& wanted = expected[param.name];
    CHECK(param.shape == wanted.shape);
    CHECK(param.placement == Placement::replicated());
    CHECK((param.init.kind == Init::Kind::ones) == (wanted.std == 0));
    if (wanted.std > 0) CHECK(param.init.std == Approx(wanted.std).epsilon(1e-12));
  }
}

}  // namespace
}  // namespace sy
