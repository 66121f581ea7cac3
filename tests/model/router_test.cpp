// SPDX-License-Identifier: Apache-2.0
#include "lib/model/moe/router.h"

#include <catch2/catch.hpp>

#include "lib/model/moe/router_losses.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("router: groups of consecutive sequences, the last one completed", "[router]") {
  ExpertsSection experts;
  experts.group_sequences = 3;
  const auto of = [&](Stack stack, int64_t sequences) {
    return token_groups(experts, stack, sequences, 7);
  };
  CHECK(of(Stack::encoder, 6).count == 2);
  CHECK(of(Stack::encoder, 6).tokens == 21);
  CHECK(of(Stack::encoder, 7).count == 3);
  CHECK(of(Stack::encoder, 1).total() == 21);
  CHECK(of(Stack::encoder, 0).total() == 21);
  experts.group_tokens.decoder = {false, 4};
  CHECK(of(Stack::encoder, 6).tokens == 21);
  CHECK(of(Stack::decoder, 4).count == 7);
  CHECK(of(Stack::decoder, 1).total() == 8);
}

TEST_CASE("router: gradients through gates and both losses", "[router]") {
  LayerFixture f;
  f.model.d_model = GENERATE(6, 16);  // 16: a width for CUDA's fused kernels
  f.model.experts.count = 5;
  f.model.experts.group_sequences = 2;
  f.model.experts.jitter = GENERATE(0.0, 0.1);
  f.model.experts.top_k = GENERATE(1, 2);
  f.model.experts.second_threshold = 0.4;
  f.model.experts.balance_loss = 0.3;
  f.model.experts.z_loss = 0.2;
  f.step.group_scale = 0.25;
  const int64_t sequences = 3, length = 4, tokens = sequences * length, grouped = 16;
  const RouterParams params = router_params(f.store, "moe", f.model);
  RouterSaved saved = f.allocate([&](Arena& arena) {
    return router_plan(arena, f.model, {sequences, length, 1, DType::f64});
  });
  Owned valid = int_tensor({tokens}, {1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0});
  const LayerContext context = f.context(sequences, length, {}, valid);
  Owned x = random_tensor(DType::f64, {tokens, f.model.d_model}, 1);
  const int64_t k = f.model.experts.top_k;
  Owned weight = random_tensor(DType::f64, {grouped, k}, 2), d_x = x;
  const auto loss = [&] {
    f.stats.clear();
    route_forward(context, params, saved, x);
    observe_router(context, saved, {}, f.stats.stats);
    return weighted_sum(saved.gate, weight) +
           0.25 * (0.3 * f.stats.balance_sum() + 0.2 * f.stats.z_sum());
  };
  loss();
  // Padding, and the tokens that complete the last group, have no expert and gate 0.
  for (const int64_t t : {6, 7, 11, 12, 13, 14, 15}) {
    for (int64_t i = t * k; i < (t + 1) * k; ++i) {
      CHECK(saved.expert.data<int32_t>()[i] == -1);
      CHECK(saved.gate.data<double>()[i] == 0);
    }
  }
  route_backward(context, params, saved, d_x, weight, x);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  f.check_params(loss);
}

TEST_CASE("router: draws are for training only, and the same wherever the token is", "[router]") {
  LayerFixture f;
  f.model.experts.exploration =
      GENERATE(Exploration::jitter, Exploration::sample, Exploration::input_dropout);
  f.model.experts.count = 4;
  f.model.experts.group_sequences = 1;
  f.model.experts.jitter = 0.2;
  const int64_t length = 4;
  const RouterParams params = router_params(f.store, "moe", f.model);
  RouterSaved saved = f.allocate([&](Arena& arena) {
    return router_plan(arena, f.model, {2, length, 1, DType::f64});
  });
  Owned valid = int_tensor({8}, std::vector<int32_t>(8, 1));
  Owned x = random_tensor(DType::f64, {8, f.model.d_model}, 1);
  const auto gates = [&](int64_t first, int64_t count) {
    route_forward(f.context(count, length, {}, valid.tensor().slice(0, count * length)), params,
                  saved, x.tensor().slice(first * length, count * length));
    const double* gate = saved.gate.data<double>();
    return std::vector<double>(gate, gate + count * length);
  };
  const std::vector<double> both = gates(0, 2);
  f.step.first_sequence += 1;
  const std::vector<double> second = gates(1, 1);
  CHECK(std::equal(second.begin(), second.end(), both.begin() + length));
  f.step.first_sequence += 1;  // another position: other random numbers
  CHECK(gates(1, 1) != second);
  f.step.training = false;
  const std::vector<double> quiet = gates(1, 1);
  f.step.first_sequence += 1;
  CHECK(gates(1, 1) == quiet);
}

}  // namespace
}  // namespace sy
