// SPDX-License-Identifier: Apache-2.0
// The sizes in configs/ against the published numbers of parameters.
#include <catch2/catch.hpp>

#include <map>

#include "lib/config/config.h"

namespace sy {
namespace {

// Counted by hand from the layout of the released weights: no biases, one relative table a stack.
int64_t parameters(const ModelSection& model) {
  const int64_t d = model.d_model, inner = model.num_heads * model.d_kv;
  const int64_t attention = 4 * d * inner + d;
  const int64_t matrices = model.activation == Activation::geglu ? 3 : 2;
  const int64_t ffn = matrices * d * model.d_ff;
  const int64_t experts = model.experts.count;
  int64_t total = model.vocab_size.value * d * (model.tie_embeddings ? 1 : 2);
  for (const auto& [layers, attentions] :
       {std::pair{model.encoder_layers, int64_t{1}}, std::pair{model.decoder_layers, int64_t{2}}}) {
    const int64_t sparse = experts == 0 ? 0 : layers / model.experts.interval;
    total += layers * (attentions * attention + d) + d + model.relative_buckets * model.num_heads;
    total += (layers - sparse) * ffn + sparse * (experts * ffn + d * experts);
  }
  return total;
}

TEST_CASE("parameters: as published for each model", "[parameters]") {
  const std::map<std::string, int64_t> published = {
      {"switch-base-8", 619'339'008},       {"switch-base-16", 1'072'397'568},
      {"switch-base-32", 1'978'514'688},    {"switch-base-64", 3'790'748'928},
      {"switch-base-128", 7'415'217'408},   {"switch-base-256", 14'664'154'368},
      {"switch-large-128", 26'309'291'008}, {"switch-xxl", 394'675'073'024},
      {"switch-c", 1'571'327'875'360},      {"t5-base", 222'903'552},
  };
  for (const auto& [name, count] : published) {
    CAPTURE(name);
    const std::string path = SY_SOURCE_DIR "/configs/" + name + ".yaml";
    CHECK(parameters(load_config(path, {}).model) == count);
  }
}

// The twin must differ in nothing but the experts, or the comparison says nothing.
TEST_CASE("parameters: dense twins are the same model without experts", "[parameters]") {
  const auto [sparse, dense] =
      GENERATE(table<std::string, std::string>({{"switch-base-8", "t5-base"},
                                                {"switch-large-128", "t5-large"},
                                                {"switch-xxl", "t5-xxl"},
                                                {"bench-512", "bench-512-dense"}}));
  const std::string folder = SY_SOURCE_DIR "/configs/";
  RunConfig a = load_config(folder + sparse + ".yaml", {});
  RunConfig b = load_config(folder + dense + ".yaml", {});
  CHECK(a.model.experts.count > 0);
  CHECK(b.model.experts.count == 0);
  a.model.experts = b.model.experts;
  a.run.name = b.run.name;
  CHECK(write_config(a) == write_config(b));
}

}  // namespace
}  // namespace sy
