// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/router_summary.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("router_summary: tokens that no expert took are a share of tokens", "[router_summary]") {
  ModelSection model;
  model.encoder_layers = 2;
  model.experts.count = 2;
  model.experts.layers.decoder = {false, {}};
  std::vector<int32_t> counts{20, 20, 8};  // the experts' tokens, and those dropped
  std::vector<double> confidence{32, 0, 0}, losses{0, 0};
  RouterStats stats;
  stats.counts = Tensor(counts.data(), DType::i32, {1, 3});
  stats.balance = Tensor(losses.data(), DType::f64, {1});
  stats.z = Tensor(losses.data() + 1, DType::f64, {1});
  stats.confidence = Tensor(confidence.data(), DType::f64, {1, 3});
  model.experts.routing = Routing::expert_choice;
  CHECK(summarize_router(stats, model, 0).dropped_fraction == 0.25);
  const std::vector<RouterMetrics> layers = router_metrics(stats, model);
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].dropped_fraction == 0.25);
  CHECK(layers[0].experts_per_token == 1.25);
  model.experts.routing = Routing::learned;
  CHECK(summarize_router(stats, model, 0).dropped_fraction == 0.2);
  CHECK(router_metrics(stats, model)[0].experts_per_token == 1);
}

}  // namespace
}  // namespace sy
