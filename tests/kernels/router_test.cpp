// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router.h"

#include <simdjson.h>
#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/router_run.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("router: a group worked by hand", "[router]") {
  auto exec = make_exec();
  // f = (2/4, 1/4, 1/4), P = (0.375, 0.35, 0.275), E sum f P = 3 (0.1875 + 0.0875 + 0.06875).
  Run run(logits_of({4, 3}, {0.7, 0.2, 0.1, 0.2, 0.6, 0.2, 0.5, 0.3, 0.2, 0.1, 0.3, 0.6}),
          all_valid(4), 1);
  run.forward(*exec);
  CHECK(ints_of(run.expert) == std::vector<int32_t>{0, 1, 0, 2});
  CHECK(at(run.gate, 0) == Approx(0.7));
  CHECK(at(run.gate, 3) == Approx(0.6));
  CHECK(at(run.fraction, 0) == Approx(0.5));
  CHECK(at(run.mean_prob, 0) == Approx(0.375));
  CHECK(at(run.mean_prob, 1) == Approx(0.35));
  CHECK(run.balance() == Approx(3 * (0.1875 + 0.0875 + 0.06875)));
  CHECK(run.z() == Approx(0.0).margin(1e-15));  // the probabilities add up to 1
}

TEST_CASE("router: the z-loss is the mean square of logsumexp", "[router]") {
  auto exec = make_exec();
  // logsumexp(1, 1) = 1 + ln 2, logsumexp(-2, -2) = ln 2 - 2; two groups of one token, added.
  Run run(tensor_of(DType::f64, {2, 2}, {1, 1, -2, -2}), all_valid(2), 2);
  run.forward(*exec);
  const double a = 1 + std::log(2.0), b = std::log(2.0) - 2;
  CHECK(at(run.log_sum, 0) == Approx(a));
  CHECK(run.z() == Approx(a * a + b * b));
}

TEST_CASE("router: ties go to the lowest expert", "[router]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Run run(tensor_of(dtype, {3, 4}, {1, 1, 1, 1, 0, 2, 2, 1, -3, -1, -1, -1}), all_valid(3), 1);
  run.forward(*exec);
  CHECK(ints_of(run.expert) == std::vector<int32_t>{0, 1, 1});
  CHECK(at(run.gate, 0) == Approx(0.25));
}

// Logits with few distinct values, so that most rows have ties, and a NaN either first in a row,
// which no logit exceeds, or later in it, where it exceeds none.
TEST_CASE("router: the first of the largest logits, for any number of experts", "[router]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(1, 2, 31, 32, 33, 130, 2048), tokens = 41;
  Run run(random_tensor(dtype, {tokens, experts}, 3), all_valid(tokens), 1);
  for (int64_t i = 0; i < tokens * experts; ++i) set(run.logits, i, std::round(at(run.logits, i)));
  set(run.logits, 5 * experts, NAN);
  set(run.logits, 7 * experts - 1, NAN);
  std::vector<int32_t> expected;
  for (int64_t t = 0; t < tokens; ++t) {
    int64_t best = t * experts;
    for (int64_t i = best; i < (t + 1) * experts; ++i) {
      if (at(run.logits, i) > at(run.logits, best)) best = i;
    }
    expected.push_back(static_cast<int32_t>(best - t * experts));
  }
  run.forward(*exec);
  CHECK(ints_of(run.expert) == expected);
  CHECK(std::isnan(run.z()));
  CHECK(at(run.gate, 1) == at(run.probs, experts + expected[1]));
}

// f, P and the losses of a run, computed from its probabilities.
TEST_CASE("router: shares and losses of groups of any number and size", "[router]") {
  auto exec = make_exec();
  const auto [groups, size, experts] =
      GENERATE(std::tuple{1, 33, 2048}, std::tuple{2, 300, 70}, std::tuple{1100, 1, 3},
               std::tuple{3, 64, 1}, std::tuple{1, 700, 5});
  Owned valid = all_valid(groups * size);
  for (int64_t t = 0; t < groups * size; t += 5) valid.data<int32_t>()[t] = 0;
  Run run(random_tensor(DType::f64, {groups * size, experts}, 7, 2.0), valid, groups);
  run.forward(*exec);
  double balance = 0, z = 0, worst = 0;
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<double> f(experts), mean(experts);
    double count = 0, squares = 0;
    for (int64_t t = g * size; t < (g + 1) * size; ++t) {
      if (valid.data<int32_t>()[t] == 0) continue;
      ++count;
      squares += at(run.log_sum, t) * at(run.log_sum, t);
      f[static_cast<size_t>(ints_of(run.expert.tensor().slice(t, 1))[0])] += 1;
      for (int64_t e = 0; e < experts; ++e) mean[e] += at(run.probs, t * experts + e);
    }
    for (int64_t e = 0; e < experts && count > 0; ++e) {
      const double share = f[e] / count, probability = mean[e] / count;
      worst = std::max({worst, std::abs(at(run.fraction, g * experts + e) - share),
                        std::abs(at(run.mean_prob, g * experts + e) - probability)});
      balance += experts * share * probability;
    }
    if (count > 0) z += squares / count;
  }
  CHECK(worst < 1e-14);
  CHECK(run.balance() == Approx(balance).epsilon(1e-12));
  CHECK(run.z() == Approx(z).epsilon(1e-12));
}

TEST_CASE("router: padding is neither routed nor counted", "[router]") {
  auto exec = make_exec();
  const std::vector<double> probs{0.7, 0.3, 0.2, 0.8, 0.6, 0.4};
  Run run(logits_of({3, 2}, probs), int_tensor({3}, {1, 0, 1}), 1);
  run.forward(*exec);
  CHECK(ints_of(run.expert) == std::vector<int32_t>{0, -1, 0});
  CHECK(at(run.gate, 1) == 0);
  CHECK(values_of(run.fraction) == std::vector<double>{1, 0});
  CHECK(at(run.mean_prob, 0) == Approx(0.65));
  CHECK(run.balance() == Approx(2 * 0.65));
  // The same group without the padding.
  Run dense(logits_of({2, 2}, {0.7, 0.3, 0.6, 0.4}), all_valid(2), 1);
  dense.forward(*exec);
  CHECK(run.balance() == Approx(dense.balance()));
  CHECK(run.z() == Approx(dense.z()).margin(1e-15));
}

TEST_CASE("router: a group of padding adds nothing", "[router]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f64, {6, 3}, 1);
  Run both(logits, int_tensor({6}, {1, 1, 1, 0, 0, 0}), 2);
  both.forward(*exec);
  Run first(tensor_of(DType::f64, {3, 3}, values_of(logits.tensor().slice(0, 3))), all_valid(3), 1);
  first.forward(*exec);
  CHECK(both.balance() == Approx(first.balance()));
  CHECK(both.z() == Approx(first.z()));
  CHECK(values_of(both.fraction.tensor().at(1)) == std::vector<double>{0, 0, 0});
  CHECK(values_of(both.mean_prob.tensor().at(1)) == std::vector<double>{0, 0, 0});
}

TEST_CASE("router: all tokens to one expert, and the even spread", "[router]") {
  auto exec = make_exec();
  constexpr int64_t kExperts = 5, kTokens = 10;
  Run one(Owned(DType::f64, {kTokens, kExperts}), all_valid(kTokens), 1);
  Run even = one;
  for (int64_t t = 0; t < kTokens; ++t) {
    set(one.logits, t * kExperts + 2, 60);
    set(even.logits, t * kExperts + t % kExperts, 60);
  }
  one.forward(*exec);
  even.forward(*exec);
  CHECK(one.balance() == Approx(kExperts));  // the largest
  CHECK(even.balance() == Approx(1));        // the minimum
  CHECK(at(one.fraction, 2) == 1);
}

TEST_CASE("router: a group smaller than the number of experts, and no tokens", "[router]") {
  auto exec = make_exec();
  Run small(random_tensor(DType::f64, {2, 200}, 1), all_valid(2), 2);
  small.forward(*exec);
  double total = 0;
  for (int64_t e = 0; e < 200; ++e) total += at(small.fraction, e);
  CHECK(total == Approx(1));
  Run none(Owned(DType::f64, {0, 3}), all_valid(0), 1);
  none.losses = tensor_of(DType::f64, {2}, {7, 7});
  none.forward(*exec);
  CHECK(none.balance() == 0);
  CHECK(none.z() == 0);
}

TEST_CASE("router: large logits do not overflow", "[router]") {
  auto exec = make_exec();
  Run run(tensor_of(DType::f32, {2, 2}, {1e4, 0, -1e4, -2e4}), all_valid(2), 1);
  run.forward(*exec);
  CHECK(values_of(run.gate) == std::vector<double>{1, 1});
  CHECK(at(run.log_sum, 0) == 1e4);
  CHECK(at(run.log_sum, 1) == -1e4);
}

// The loss that router_backward differentiates. The fractions are constants to it; the
// finite-difference step moves no token to another expert.
double router_loss(Run& run, Exec& exec, Tensor gate_weight, double balance, double z) {
  run.forward(exec);
  return weighted_sum(run.gate, gate_weight) + balance * run.balance() + z * run.z();
}

TEST_CASE("router: gradients through gate, balance and z", "[router]") {
  const auto [tokens, experts, groups] =
      GENERATE(std::tuple{12, 4, 1}, std::tuple{12, 5, 3}, std::tuple{6, 70, 2},
               std::tuple{140, 3, 2}, std::tuple{4, 1, 4});
  const auto [gate, balance, z] = GENERATE(std::tuple{1.0, 0.0, 0.0}, std::tuple{0.0, 0.7, 0.0},
                                           std::tuple{0.0, 0.0, 0.3}, std::tuple{1.0, 0.2, 0.4});
  auto exec = make_exec();
  Owned valid = all_valid(tokens);
  for (int64_t t = 0; t < tokens; t += 3) valid.data<int32_t>()[t] = 0;
  Run run(random_tensor(DType::f64, {tokens, experts}, 1, 2.0), valid, groups);
  Owned d_gate = random_tensor(DType::f64, {tokens, 1}, 2, gate);
  Owned d_logits(DType::f64, {tokens, experts});
  run.forward(*exec);
  router_backward(*exec, d_logits, d_gate, run.probs, run.log_sum, run.expert, run.fraction, valid,
                  balance, z);
  CHECK(gradient_error(run.logits, d_logits, [&, b = balance, c = z] {
          return router_loss(run, *exec, d_gate, b, c);
        }) < kGradientTolerance);
  for (int64_t e = 0; e < experts; ++e) REQUIRE(at(d_logits, e) == 0);  // token 0 is padding
}

TEST_CASE("router: float32 agrees with float64", "[router]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = 96, kExperts = 19;
  Run wide(random_tensor(DType::f64, {kTokens, kExperts}, 1), all_valid(kTokens), 4);
  Run run(random_tensor(DType::f32, {kTokens, kExperts}, 1), all_valid(kTokens), 4);
  wide.forward(*exec);
  run.forward(*exec);
  CHECK(ints_of(run.expert) == ints_of(wide.expert));
  CHECK(largest_difference(run.probs, wide.probs) < 1e-6);
  CHECK(largest_difference(run.mean_prob, wide.mean_prob) < 1e-6);
  CHECK(largest_difference(run.losses, wide.losses) < 1e-4);
  Owned gradient(DType::f32, {kTokens, kExperts}), wide_gradient(DType::f64, {kTokens, kExperts});
  router_backward(*exec, gradient, random_tensor(DType::f32, {kTokens, 1}, 2), run.probs,
                  run.log_sum, run.expert, run.fraction, run.valid, 0.1, 0.2);
  router_backward(*exec, wide_gradient, random_tensor(DType::f64, {kTokens, 1}, 2), wide.probs,
                  wide.log_sum, wide.expert, wide.fraction, wide.valid, 0.1, 0.2);
  CHECK(largest_difference(gradient, wide_gradient) < 1e-6);
}

TEST_CASE("router: the same bits for any number of threads", "[router]") {
  constexpr int64_t kTokens = 300, kExperts = 130;
  Owned logits = random_tensor(DType::f32, {kTokens, kExperts}, 1);
  Owned d_gate = random_tensor(DType::f32, {kTokens, 1}, 2);
  const int64_t groups = GENERATE(1, 3);
  CHECK(same_for_any_threads(Owned(DType::f32, {kTokens, kExperts}), [&](Exec& exec, Tensor out) {
    Run run(logits, all_valid(kTokens), groups);
    run.forward(exec);
    router_backward(exec, out, d_gate, run.probs, run.log_sum, run.expert, run.fraction, run.valid,
                    run.balance(), run.z());
  }));
}

TEST_CASE("router: the published z-loss and router", "[router]") {
  const auto path = shared_file("vectors/switch_router_published.json");
  if (!path) return;
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.load(*path);
  const auto numbers = [](simdjson::dom::element list) {
    std::vector<double> flat;
    const auto walk = [&](const auto& self, simdjson::dom::element e) -> void {
      if (e.is_array()) {
        for (simdjson::dom::element inner : e.get_array()) self(self, inner);
      } else {
        flat.push_back(e.get_double().value());
      }
    };
    walk(walk, list);
    return flat;
  };
  auto exec = make_exec();
  Run z(tensor_of(DType::f32, {12, 4}, numbers(json["z_loss"]["logits"])), all_valid(12), 1);
  z.forward(*exec);
  CHECK(z.z() == Approx(json["z_loss"]["z"].get_double().value()).epsilon(1e-6));

  // Two groups (sequences) of three tokens of width four; two experts. Published: means over
  // groups.
  const std::vector<double> x = numbers(json["router"]["inputs"]);
  const std::vector<double> w = numbers(json["router"]["weight_in_by_experts"]);
  Run run(Owned(DType::f32, {6, 2}), all_valid(6), 2);
  for (size_t t = 0; t < 6; ++t) {
    for (size_t e = 0; e < 2; ++e) {
      double logit = 0;
      for (size_t i = 0; i < 4; ++i) logit += x[t * 4 + i] * w[i * 2 + e];
      set(run.logits, static_cast<int64_t>(t * 2 + e), logit);
    }
  }
  run.forward(*exec);
  CHECK(run.balance() / 2 == Approx(json["router"]["aux"].get_double().value()).epsilon(1e-6));
  CHECK(run.z() / 2 == Approx(json["router"]["z"].get_double().value()).epsilon(1e-6));
  CHECK(ints_of(run.expert) == std::vector<int32_t>{0, 1, 0, 0, 1, 0});
}

TEST_CASE("router: tokens after dropping, a dropped one counting for expert 0", "[router]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned count = tensor_of(dtype, {2, 3}, {1, 0, 0, 0, 0, 5});
  Owned expert = int_tensor({8, 1}, {2, 2, 1, -1, 0, 1, 1, 1});
  Owned slot = int_tensor({8, 1}, {4, -1, 2, -1, 0, 2, -1, -1});
  router_count_kept(*exec, count, expert, slot);
  CHECK(values_of(count) == std::vector<double>{2, 1, 1, 3, 1, 5});
  CHECK_THROWS_AS(router_count_kept(*exec, count, Owned(DType::i32, {7, 1}), slot), InternalError);
}

TEST_CASE("router: tokens after dropping, of many experts", "[router]") {
  auto exec = make_exec();
  constexpr int32_t kExperts = 9001, kTokens = 600;
  Owned count(DType::f32, {1, kExperts}), expert(DType::i32, {kTokens, 1}), slot = expert;
  std::vector<double> expected(kExperts);
  for (int32_t t = 0; t < kTokens; ++t) {
    const int32_t e = t * 977 % kExperts, dropped = t % 3 == 0;
    expert.data<int32_t>()[t] = e;
    slot.data<int32_t>()[t] = dropped ? -1 : t;
    expected[static_cast<size_t>(dropped ? 0 : e)] += 1;
  }
  router_count_kept(*exec, count, expert, slot);
  CHECK(values_of(count) == expected);
}

TEST_CASE("router: the balance loss of given shares", "[router]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned loss(dtype, {1});
  Owned fraction = tensor_of(dtype, {2, 3}, {0.5, 0.25, 0.25, 1, 0, 0});
  Owned mean_prob = tensor_of(dtype, {2, 3}, {0.25, 0.5, 0.25, 0.75, 0.125, 0.125});
  router_balance(*exec, loss, fraction, mean_prob);
  CHECK(at(loss, 0) == 3 * (0.125 + 0.125 + 0.0625 + 0.75));
}

TEST_CASE("router: the balance loss of many shares", "[router]") {
  auto exec = make_exec();
  constexpr int64_t kGroups = 7, kExperts = 2011;
  Owned loss(DType::f64, {1}), fraction = random_tensor(DType::f64, {kGroups, kExperts}, 1);
  Owned mean_prob = random_tensor(DType::f64, {kGroups, kExperts}, 2);
  router_balance(*exec, loss, fraction, mean_prob);
  CHECK(at(loss, 0) == Approx(kExperts * weighted_sum(fraction, mean_prob)).epsilon(1e-12));
}

TEST_CASE("router: scratch taken while planning is enough", "[router]") {
  Exec exec;
  use_test_backend(exec);
  exec.planning = true;
  Run run(random_tensor(DType::f32, {140, 70}, 1), all_valid(140), 2);
  Owned d_logits(DType::f32, {140, 70}), loss(DType::f32, {1});
  const auto all = [&] {
    run.forward(exec);
    router_balance(exec, loss, run.fraction, run.mean_prob);
    router_backward(exec, d_logits, run.gate, run.probs, run.log_sum, run.expert, run.fraction,
                    run.valid, 0.1, 0.2);
  };
  all();
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  all();
  CHECK(at(loss, 0) == Approx(run.balance()));
  CHECK(exec.scratch.top() == 0);
}

TEST_CASE("router: choices after dropping, two per token", "[router]") {
  auto exec = make_exec();
  Owned count = tensor_of(DType::f32, {2, 3}, {0, 0, 0, 0, 0, 0});
  Owned expert = int_tensor({4, 2}, {2, 1, 1, 2, -1, -1, 1, 0});
  Owned slot = int_tensor({4, 2}, {4, 0, 1, -1, -1, -1, -1, 3});
  router_count_kept(*exec, count, expert, slot);
  CHECK(values_of(count) == std::vector<double>{1, 2, 1, 2, 0, 0});
}

TEST_CASE("router: rejects more than one choice per token", "[router]") {
  auto exec = make_exec();
  Run run(random_tensor(DType::f32, {4, 3}, 1), all_valid(4), 1);
  run.gate = Owned(DType::f32, {4, 2});
  run.expert = Owned(DType::i32, {4, 2});
  CHECK_THROWS_WITH(run.forward(*exec), Catch::Contains("2 experts per token"));
  Owned d_logits(DType::f32, {4, 3}), d_gate(DType::f32, {4, 2});
  CHECK_THROWS_WITH(router_backward(*exec, d_logits, d_gate, run.probs, run.log_sum, run.expert,
                                    run.fraction, run.valid, 0.1, 0.2),
                    Catch::Contains("2 experts per token"));
}

TEST_CASE("router: shapes must fit", "[router]") {
  auto exec = make_exec();
  Run run(random_tensor(DType::f32, {4, 3}, 1), all_valid(4), 3);  // 3 groups of 4 tokens
  CHECK_THROWS_AS(run.forward(*exec), InternalError);
}

}  // namespace
}  // namespace sy
