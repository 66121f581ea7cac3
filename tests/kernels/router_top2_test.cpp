// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_top2.h"

#include <catch2/catch.hpp>

#include "tests/kernels/router_top2_run.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{21, 22, 23};

Owned logits_of(DType dtype, Shape shape, std::vector<double> probs) {
  for (double& p : probs) p = std::log(p);
  return tensor_of(dtype, shape, probs);
}

TEST_CASE("router_top2: gates worked by hand", "[router_top2]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Top2 run(logits_of(dtype, {3, 3}, {0.6, 0.1, 0.3, 0.2, 0.2, 0.6, 0.4, 0.2, 0.4}), {1, 1, 1});
  run.forward(*exec);
  CHECK(ints_of(run.expert) == Ints{0, 2, 2, 0, 0, 2});  // of equal ones, the first
  CHECK(at(run.gate, 0) == Approx(2.0 / 3));
  CHECK(at(run.gate, 1) == Approx(1.0 / 3));
  CHECK(at(run.gate, 2) == Approx(0.75));
  run.rule.normalise = false;
  run.forward(*exec);
  CHECK(at(run.gate, 0) == Approx(0.6));
  CHECK(at(run.gate, 1) == Approx(0.3));
}

TEST_CASE("router_top2: two experts, and padding", "[router_top2]") {
  auto exec = make_exec();
  Top2 run(logits_of(DType::f64, {3, 2}, {0.3, 0.7, 0.5, 0.5, 0.9, 0.1}), {1, 0, 1});
  run.forward(*exec);
  CHECK(ints_of(run.expert) == Ints{1, 0, -1, -1, 0, 1});
  CHECK(ints_of(run.second) == Ints{0, -1, 1});
  CHECK(at(run.gate, 0) == Approx(0.7));
  CHECK(values_of(run.gate.tensor().slice(1, 1)) == std::vector<double>{0, 0});
  CHECK(values_of(run.fraction) == std::vector<double>{0.5, 0.5});  // of first choices
}

TEST_CASE("router_top2: when the second choice is kept", "[router_top2]") {
  auto exec = make_exec();
  Top2 run(logits_of(DType::f64, {2, 2}, {0.7, 0.3, 0.9, 0.1}), {1, 1});
  run.rule.threshold = 0.2f;
  const auto seconds = [&](SecondPolicy policy) {
    run.rule.policy = policy;
    run.forward(*exec);
    return Ints{run.expert.data<int32_t>()[1], run.expert.data<int32_t>()[3]};
  };
  CHECK(seconds(SecondPolicy::all) == Ints{1, 1});
  CHECK(seconds(SecondPolicy::none) == Ints{-1, -1});
  CHECK(at(run.gate, 0) == Approx(0.7));  // not scaled again
  CHECK(at(run.gate, 1) == 0);
  CHECK(seconds(SecondPolicy::threshold) == Ints{1, -1});
  CHECK(ints_of(run.second) == Ints{1, 1});
}

TEST_CASE("router_top2: the random policy keeps with probability gate / threshold",
          "[router_top2]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = 4000, kFirst = 77;
  std::vector<double> probs;
  for (int64_t t = 0; t < kTokens; ++t) {
    const double p = t % 2 == 0 ? 0.05 : 0.25;  // kept with probability 1/4 and 1
    probs.insert(probs.end(), {1 - p, p});
  }
  Top2 run(logits_of(DType::f64, {kTokens, 2}, probs), Ints(kTokens, 1));
  run.rule = {true, SecondPolicy::random, 0.2f, kKey, kFirst};
  run.forward(*exec);
  double kept = 0, always = 0;
  for (int64_t t = 0; t < kTokens; ++t) {
    const bool keeps = run.expert.data<int32_t>()[2 * t + 1] >= 0;
    const double u = random_uniform(kKey, static_cast<uint64_t>(kFirst + t));
    REQUIRE(keeps == (u < (t % 2 == 0 ? 0.25 : 1.25)));
    (t % 2 == 0 ? kept : always) += keeps;
  }
  constexpr double kHalf = kTokens / 2.0;
  CHECK(always == kHalf);
  CHECK(std::abs(kept / kHalf - 0.25) < 5 * std::sqrt(0.25 * 0.75 / kHalf));
}

// By its definition: the largest of the others, the first of equal ones.
TEST_CASE("router_top2: the second choice, for any number of experts", "[router_top2]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(2, 31, 32, 33, 130), tokens = 41;
  Top2 run(random_tensor(dtype, {tokens, experts}, 3), Ints(tokens, 1));
  for (int64_t i = 0; i < tokens * experts; ++i) set(run.logits, i, std::round(at(run.logits, i)));
  run.forward(*exec);
  Ints expected;
  for (int64_t t = 0; t < tokens; ++t) {
    int64_t best = -1;
    for (int64_t e = 0; e < experts; ++e) {
      if (e == run.first.data<int32_t>()[t]) continue;
      const double p = at(run.probs, t * experts + e);
      if (best < 0 || p > at(run.probs, t * experts + best)) best = e;
    }
    expected.push_back(static_cast<int32_t>(best));
  }
  CHECK(ints_of(run.second) == expected);
}

TEST_CASE("router_top2: gradients through gates and losses", "[router_top2]") {
  auto exec = make_exec();
  const auto [tokens, experts, groups] =
      GENERATE(std::tuple{12, 4, 1}, std::tuple{12, 2, 3}, std::tuple{6, 70, 2});
  const SecondPolicy policy = GENERATE(SecondPolicy::all, SecondPolicy::none, SecondPolicy::random);
  Ints valid(static_cast<size_t>(tokens), 1);
  valid[0] = valid[7 % tokens] = 0;
  Top2 run(random_tensor(DType::f64, {tokens, experts}, 1, 2.0), valid, groups);
  run.rule = {GENERATE(true, false), policy, 0.9f, kKey, 5};
  Owned d_gate = random_tensor(DType::f64, {tokens, 2}, 2), d_logits(DType::f64, {tokens, experts});
  run.forward(*exec);
  run.backward(*exec, d_logits, d_gate, 0.2, 0.4);
  const auto loss = [&] {
    run.forward(*exec);
    return weighted_sum(run.gate, d_gate) + 0.2 * at(run.losses, 0) + 0.4 * at(run.losses, 1);
  };
  CHECK(gradient_error(run.logits, d_logits, loss) < kGradientTolerance);
  for (int64_t e = 0; e < experts; ++e) REQUIRE(at(d_logits, e) == 0);  // token 0 is padding
}

TEST_CASE("router_top2: float32 agrees with float64, for any threads", "[router_top2]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = 96, kExperts = 19;
  const auto gradient = [&](DType dtype, Exec& on, Tensor out) {
    Top2 run(random_tensor(dtype, {kTokens, kExperts}, 1), Ints(kTokens, 1), 4);
    run.forward(on);
    run.backward(on, out, random_tensor(dtype, {kTokens, 2}, 2), 0.1, 0.2);
  };
  Owned narrow(DType::f32, {kTokens, kExperts}), wide(DType::f64, {kTokens, kExperts});
  gradient(DType::f32, *exec, narrow);
  gradient(DType::f64, *exec, wide);
  CHECK(largest_difference(narrow, wide) < 1e-6);
  CHECK(same_for_any_threads(narrow, [&](Exec& on, Tensor out) { gradient(DType::f32, on, out); }));
}

TEST_CASE("router_top2: one expert is refused", "[router_top2]") {
  auto exec = make_exec();
  Top2 run(Owned(DType::f64, {2, 1}), {1, 1});
  CHECK_THROWS_AS(run.forward(*exec), InternalError);
}

}  // namespace
}  // namespace sy
