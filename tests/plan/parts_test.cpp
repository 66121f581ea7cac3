// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/parts.h"

#include <catch2/catch.hpp>

#include <numeric>

#include "tests/plan/support.h"

namespace sy {
namespace {

struct Released {
  const char* config;
  int64_t total, active;
};

// The layout of the released checkpoints, with one expert of every sparse layer for a token:
// total - (experts - 1) x sparse layers x matrices x d_model x d_ff.
constexpr int64_t kBaseLayers = 12 * 2 * int64_t{768} * 3072;
constexpr Released kReleased[] = {
    {"t5-base", 222903552, 222903552},
    {"switch-base-8", 619339008, 619339008 - 7 * kBaseLayers},
    {"switch-base-16", 1072397568, 1072397568 - 15 * kBaseLayers},
    {"switch-base-32", 1978514688, 1978514688 - 31 * kBaseLayers},
    {"switch-base-64", 3790748928, 3790748928 - 63 * kBaseLayers},
    {"switch-base-128", 7415217408, 7415217408 - 127 * kBaseLayers},
    {"switch-base-256", 14664154368, 14664154368 - 255 * kBaseLayers},
    {"switch-large-128", 26309291008, 26309291008 - 127 * 24 * 2 * int64_t{1024} * 4096},
    {"switch-xxl", 394675073024, 394675073024 - 127 * 24 * 3 * int64_t{4096} * 10240},
    {"switch-c", 1571327875360, 1571327875360 - 2047 * 30 * 2 * int64_t{2080} * 6144},
};

TEST_CASE("parts: the released models, to the last parameter", "[parts]") {
  for (const Released& released : kReleased) {
    CAPTURE(released.config);
    const RunConfig config =
        load_config(fmt::format("{}/configs/{}.yaml", SY_SOURCE_DIR, released.config),
                    {"model.vocab_size=32128", "data.tokenizer=none"});
    Runtime runtime(mesh_shape(config, 1), 0);
    Session session(runtime, config, nullptr, /*training=*/true);
    const ParameterCount count =
        count_parameters(session.model.params(), session.config.model.experts);
    CHECK(count.total == released.total);
    CHECK(count.active == released.active);
    CHECK(std::accumulate(count.of_part.begin(), count.of_part.end(), int64_t{0}) == count.total);
  }
}

TEST_CASE("parts: each parameter is of its part", "[parts]") {
  const RunConfig config = test::small_config(
      {"model.tie_embeddings=false", "model.experts.shared_expert=16", "model.experts.top_k=2"});
  Runtime runtime(mesh_shape(config, 1), 0);
  Session session(runtime, config, nullptr, /*training=*/true);
  const ParameterCount count =
      count_parameters(session.model.params(), session.config.model.experts);
  const auto part = [&](ModelPart which) { return count.of_part[static_cast<size_t>(which)]; };
  const int64_t d = 32, ffn = 2 * d * 64;
  CHECK(part(ModelPart::embeddings) == 256 * d);
  CHECK(part(ModelPart::head) == 256 * d);
  CHECK(part(ModelPart::attention) == 6 * 4 * d * d + 2 * 32 * 4);  // and relative biases
  CHECK(part(ModelPart::experts) == 2 * 4 * ffn);
  CHECK(part(ModelPart::routers) == 2 * 4 * d);
  CHECK(part(ModelPart::dense_ffn) == 2 * ffn + 2 * 2 * d * 16);
  CHECK(part(ModelPart::norms) == (6 + 4 + 2) * d);
  CHECK(count.active == count.total - 2 * 2 * ffn);
}

}  // namespace
}  // namespace sy
