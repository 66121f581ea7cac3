// SPDX-License-Identifier: Apache-2.0
// The router beside Mesh TensorFlow's: all of it rounded to bfloat16, and a group with padding.
#include <catch2/catch.hpp>
#include <tuple>

#include "kernels/dispatch/dispatch.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/router_run.h"

namespace sy {
namespace {
using namespace test;

double to_bfloat16(double value) {
  return static_cast<double>(static_cast<float>(BFloat16(static_cast<float>(value))));
}

// From the definition: every result is rounded, and each is computed from the rounded ones before
// it. Few distinct logits, so that many probabilities are equal once they are rounded.
TEST_CASE("router: rounded to bfloat16", "[router]") {
  auto exec = make_exec();
  const auto [groups, size, experts] = GENERATE(std::tuple{2, 300, 70}, std::tuple{3, 40, 5});
  Owned valid = all_valid(groups * size);
  for (int64_t t = 0; t < groups * size; t += 5) valid.data<int32_t>()[t] = 0;
  Run run(random_tensor(DType::f64, {groups * size, experts}, 7, 0.01), valid, groups);
  const bool scored = GENERATE(false, true);  // by scores that are not rounded
  Owned scores = random_tensor(DType::f64, {groups * size, experts}, 8, 0.01);
  router_forward(*exec, run.probs, run.gate, run.log_sum, run.expert, run.fraction, run.mean_prob,
                 run.losses, run.logits, valid, scored ? scores.tensor() : Tensor(), true);
  double balance = 0, worst = 0;
  int64_t ties = 0;
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<double> f(experts), mean(experts);
    double count = 0;
    for (int64_t t = g * size; t < (g + 1) * size; ++t) {
      double total = 0;
      for (int64_t e = 0; e < experts; ++e) total += std::exp(at(run.logits, t * experts + e));
      int64_t best = 0, largest = 0;
      std::vector<double> p;
      for (int64_t e = 0; e < experts; ++e) {
        p.push_back(to_bfloat16(std::exp(at(run.logits, t * experts + e)) / total));
        const auto by_score = [&](int64_t of) { return at(scores, t * experts + of); };
        if (scored ? by_score(e) > by_score(best) : p[e] > p[best]) best = e;
        if (at(run.logits, t * experts + e) > at(run.logits, t * experts + largest)) largest = e;
        worst = std::max(worst, std::abs(at(run.probs, t * experts + e) - p[e]));
      }
      worst = std::max(worst, std::abs(at(run.log_sum, t) - to_bfloat16(std::log(total))));
      if (valid.data<int32_t>()[t] == 0) continue;
      ties += best != largest;
      CHECK(ints_of(run.expert)[t] == best);
      CHECK(at(run.gate, t) == p[best]);
      count += 1;
      f[best] += 1;
      for (int64_t e = 0; e < experts; ++e) mean[e] += p[e];
    }
    for (int64_t e = 0; e < experts; ++e) {
      const double share = to_bfloat16(f[e] / count), probability = to_bfloat16(mean[e] / count);
      worst = std::max(worst, std::abs(at(run.fraction, g * experts + e) - share));
      worst = std::max(worst, std::abs(at(run.mean_prob, g * experts + e) - probability));
      balance += static_cast<double>(experts) * to_bfloat16(share * probability);
    }
  }
  CHECK(worst == 0);
  CHECK(ties > 10);
  CHECK(run.balance() == Approx(balance).epsilon(1e-12));
}

// Mesh TensorFlow's router on one group (moe.py, _switch_gating), one formula at a time. Its
// densities count padding; what masks it are the choices, the gates and the mean that makes the
// loss.
struct PlainGroup {
  std::vector<int32_t> expert, place;  // -1: padding
  std::vector<double> gate;
  double balance = 0;

  PlainGroup(Owned& probs, const std::vector<int32_t>& valid, size_t experts) {
    const size_t tokens = valid.size();
    std::vector<double> f(experts), p(experts);
    std::vector<int32_t> taken(experts);
    double routed = 0;
    for (size_t t = 0; t < tokens; ++t) {
      size_t best = 0;
      for (size_t e = 0; e < experts; ++e) {
        const auto at_e = [&](size_t i) {
          return at(probs, static_cast<int64_t>(t * experts + i));
        };
        if (at_e(e) > at_e(best)) best = e;
        p[e] += at_e(e) / static_cast<double>(tokens);
      }
      f[best] += 1 / static_cast<double>(tokens);
      const bool real = valid[t] != 0;
      expert.push_back(real ? static_cast<int32_t>(best) : -1);
      place.push_back(real ? taken[best]++ : -1);
      gate.push_back(real ? at(probs, static_cast<int64_t>(t * experts + best)) : 0);
      routed += real ? 1 : 0;
    }
    for (size_t e = 0; e < experts; ++e) balance += static_cast<double>(experts) * f[e] * p[e];
    balance *= routed / static_cast<double>(tokens);
  }
};

TEST_CASE("router: three valid tokens as in Mesh TensorFlow, but for the loss", "[router]") {
  auto exec = make_exec();
  constexpr int64_t kExperts = 4, kTokens = 6, kCapacity = 1;
  // Each valid token has a copy that is padding, so that M's densities are those of the valid ones.
  const std::vector<int32_t> which{1, 0, 1, 1, 0, 0};
  const std::vector<double> a{0.5, 0.2, 0.2, 0.1}, b{0.6, 0.1, 0.1, 0.2}, c{0.1, 0.3, 0.4, 0.2};
  std::vector<double> probs;
  for (const auto* row : {&a, &a, &b, &c, &b, &c})
    probs.insert(probs.end(), row->begin(), row->end());
  Run run(logits_of({kTokens, kExperts}, probs), int_tensor({kTokens}, which), 1);
  run.forward(*exec);
  const PlainGroup plain(run.probs, which, kExperts);
  CHECK(ints_of(run.expert) == plain.expert);
  for (int64_t t = 0; t < kTokens; ++t) {
    CHECK(at(run.gate, t) == Approx(plain.gate[static_cast<size_t>(t)]));
  }

  Owned slot(DType::i32, {kTokens, 1}), token(DType::i32, {kExperts * kCapacity});
  Owned counts(DType::i32, {kExperts + 1});
  assign_slots(*exec, slot, token, counts, run.expert, 1, kCapacity);
  synchronize(*exec);
  for (size_t t = 0; t < which.size(); ++t) {
    const bool kept = plain.place[t] >= 0 && plain.place[t] < kCapacity;
    const int32_t expected = kept ? plain.expert[t] * int32_t{kCapacity} + plain.place[t] : -1;
    CHECK(ints_of(slot)[t] == expected);
  }

  // Ours is the loss of the valid tokens alone; in M the group counts by its share of them.
  CHECK(run.balance() == Approx(2 * plain.balance));
  Run alone(logits_of({3, kExperts}, {0.5, 0.2, 0.2, 0.1, 0.6, 0.1, 0.1, 0.2, 0.1, 0.3, 0.4, 0.2}),
            all_valid(3), 1);
  alone.forward(*exec);
  CHECK(run.balance() == Approx(PlainGroup(alone.probs, {1, 1, 1}, kExperts).balance));
  CHECK(run.balance() == Approx(4 * (2.0 / 3 * 0.4 + 1.0 / 3 * 0.7 / 3)));
}

}  // namespace
}  // namespace sy
