// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_expert_choice.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "kernels/router/router.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

using Ints = std::vector<int32_t>;

struct Outcome {
  std::vector<double> gate;
  Ints slot, token, counts;
};

Outcome choose(Exec& exec, Owned& probs, const Ints& valid, int64_t groups,
               const CapacityRule& rule) {
  const int64_t tokens = probs.tensor().dim(0), experts = probs.tensor().dim(1);
  Owned gate(probs.tensor().dtype(), {tokens, experts}), slot(DType::i32, {tokens, experts});
  Owned token(DType::i32, {experts * groups * rule.of(tokens / groups)});
  Owned counts(DType::i32, {experts + 1}), routed = int_tensor({tokens}, valid);
  router_expert_choice_forward(exec, gate, slot, token, counts, probs, routed, groups, rule);
  synchronize(exec);
  return {values_of(gate), ints_of(slot), ints_of(token), ints_of(counts)};
}

// Section 3.2 of the paper: each expert sorts its column of the group's tokens.
Outcome plain(Tensor probs, const Ints& valid, int64_t groups, double factor, int64_t least) {
  const int64_t experts = probs.dim(1), size = probs.dim(0) / groups;
  const auto places = [&](int64_t tokens) {
    const double share = static_cast<double>(tokens) * factor / static_cast<double>(experts);
    return std::min(std::max(static_cast<int64_t>(share), least), tokens);
  };
  const int64_t capacity = places(size);
  Outcome result;
  result.gate.resize(static_cast<size_t>(probs.numel()));
  result.slot.resize(static_cast<size_t>(probs.numel()), -1);
  result.token.resize(static_cast<size_t>(experts * groups * capacity), -1);
  result.counts.resize(static_cast<size_t>(experts + 1));
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t g = 0; g < groups; ++g) {
      std::vector<int64_t> column;
      for (int64_t t = g * size; t < (g + 1) * size; ++t) {
        if (valid[static_cast<size_t>(t)] != 0) column.push_back(t);
      }
      const int64_t taken = places(std::ssize(column));
      std::stable_sort(column.begin(), column.end(), [&](int64_t a, int64_t b) {
        return at(probs, a * experts + e) > at(probs, b * experts + e);
      });
      column.resize(static_cast<size_t>(taken));
      std::sort(column.begin(), column.end());
      for (int64_t place = 0; place < taken; ++place) {
        const int64_t s = (e * groups + g) * capacity + place;
        const int64_t t = column[static_cast<size_t>(place)];
        result.token[static_cast<size_t>(s)] = static_cast<int32_t>(t);
        result.slot[static_cast<size_t>(t * experts + e)] = static_cast<int32_t>(s);
        result.gate[static_cast<size_t>(t * experts + e)] = at(probs, t * experts + e);
        ++result.counts[static_cast<size_t>(e)];
      }
    }
  }
  for (int64_t t = 0; t < probs.dim(0); ++t) {
    const auto row = result.slot.begin() + t * experts;
    const bool missed = std::all_of(row, row + experts, [](int32_t s) { return s < 0; });
    if (missed && valid[static_cast<size_t>(t)] != 0) ++result.counts.back();
  }
  return result;
}

void check_same(const Outcome& found, const Outcome& expected) {
  CHECK(found.token == expected.token);
  CHECK(found.slot == expected.slot);
  CHECK(found.gate == expected.gate);
  CHECK(found.counts == expected.counts);
}

// Expert 0 finds the tokens 1 and 4 best, expert 1 the tokens 1 and 2; token 3 is padding.
TEST_CASE("router_expert_choice: five tokens worked by hand", "[router_expert_choice]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned probs = tensor_of(dtype, {5, 2}, {0.25, 0.125, 0.5, 0.5, 0.25, 0.5, 1, 1, 0.75, 0.25});
  const Outcome found = choose(*exec, probs, {1, 1, 1, 0, 1}, 1, {1.0, 2, 1});
  CHECK(found.token == Ints{1, 4, 1, 2});
  CHECK(found.slot == Ints{-1, -1, 0, 2, -1, 3, -1, -1, 1, -1});
  CHECK(found.gate == std::vector<double>{0, 0, 0.5, 0.5, 0, 0.5, 0, 0, 0.75, 0});
  CHECK(found.counts == Ints{2, 2, 1});
}

TEST_CASE("router_expert_choice: the largest of every column", "[router_expert_choice]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const auto [experts, groups, size] =
      GENERATE(table<int64_t, int64_t, int64_t>({{5, 1, 270}, {40, 3, 21}, {1, 3, 37}}));
  const double factor = GENERATE(0.0, 1.25, 9.0);
  Owned probs = random_tensor(dtype, {groups * size, experts}, 1);
  for (int64_t i = 0; i < probs.tensor().numel(); ++i) {
    const double p = std::abs(at(probs, i));
    set(probs, i, experts == 5 ? std::floor(4 * p) / 4 : p);  // many equal ones, and 0
  }
  Ints valid;
  for (int64_t t = 0; t < groups * size; ++t) valid.push_back(t % 7 == 3 ? 0 : 1);
  if (groups == 3) std::fill(valid.begin(), valid.begin() + size, 0);
  if (groups == 3) std::fill(valid.begin() + size + 2, valid.begin() + 2 * size, 0);
  const CapacityRule rule{factor, experts, 2};
  check_same(choose(*exec, probs, valid, groups, rule), plain(probs, valid, groups, factor, 2));
}

TEST_CASE("router_expert_choice: groups with more keys than a block keeps",
          "[router_expert_choice]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = kChoiceKeyBytes / static_cast<int64_t>(sizeof(double)) + 1;
  Owned probs = random_tensor(DType::f64, {kTokens, 2}, 1);
  for (int64_t i = 0; i < 2 * kTokens; ++i) set(probs, i, std::abs(at(probs, i)));
  const Ints valid(static_cast<size_t>(kTokens), 1);
  check_same(choose(*exec, probs, valid, 1, {0.5, 2, 1}), plain(probs, valid, 1, 0.5, 1));
}

TEST_CASE("router_expert_choice: equal probabilities, NaN, any number of threads, and faults",
          "[router_expert_choice]") {
  Owned probs = tensor_of(DType::f32, {40, 3}, std::vector<double>(120, 0.25));
  auto exec = make_exec();
  const Ints valid(40, 1);
  const Outcome found = choose(*exec, probs, valid, 2, {0, 3, 4});
  CHECK(Ints(found.token.begin(), found.token.begin() + 8) == Ints{0, 1, 2, 3, 20, 21, 22, 23});
  CHECK(found.counts == Ints{8, 8, 8, 32});
  for (int64_t e = 0; e < 3; ++e) set(probs, 3 * 7 + e, NAN);
  CHECK(choose(*exec, probs, valid, 2, {0, 3, 4}).token[3] == 7);  // the last of 0, 1, 2, 7
  Owned slot(DType::i32, {40, 3}), token(DType::i32, {24}), counts(DType::i32, {4});
  Owned routed = int_tensor({40}, valid);
  CHECK(same_for_any_threads(Owned(DType::f32, {40, 3}), [&](Exec& of, Tensor out) {
    router_expert_choice_forward(of, out, slot, token, counts, probs, routed, 2, {0, 3, 4});
  }));
  Owned gate(DType::f32, {40, 3});
  CHECK_THROWS_AS(
      router_expert_choice_forward(*exec, gate, slot, token, counts, probs, routed, 2, {0, 3, 5}),
      InternalError);
}

TEST_CASE("router_expert_choice: gradients of the gates", "[router_expert_choice]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = 12, kExperts = 5;
  const Shape shape{kTokens, kExperts};
  Owned logits = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  const Ints valid{1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1};
  Owned routed = int_tensor({kTokens}, valid), d_logits(DType::f64, shape);
  Owned probs(DType::f64, shape), first_gate(DType::f64, {kTokens, 1}), log_sum(DType::f64, {12});
  Owned first(DType::i32, {kTokens, 1}), fraction(DType::f64, {2, kExperts});
  Owned mean(DType::f64, {2, kExperts}), losses(DType::f64, {2});
  Owned gate(DType::f64, shape), slot(DType::i32, shape), token(DType::i32, {kExperts * 2 * 2});
  Owned counts(DType::i32, {kExperts + 1});
  const auto loss = [&] {
    router_forward(*exec, probs, first_gate, log_sum, first, fraction, mean, losses, logits,
                   routed);
    router_expert_choice_forward(*exec, gate, slot, token, counts, probs, routed, 2,
                                 {2.0, kExperts, 1});
    synchronize(*exec);
    return weighted_sum(gate, weight);
  };
  loss();
  Owned d_gate(DType::f64, shape);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    if (slot.data<int32_t>()[i] >= 0) set(d_gate, i, at(weight, i));
    set(d_logits, i, 0.5);
  }
  router_expert_choice_backward(*exec, d_logits, d_gate, probs);
  synchronize(*exec);
  for (int64_t i = 0; i < shape.numel(); ++i) set(d_logits, i, at(d_logits, i) - 0.5);
  CHECK(gradient_error(logits, d_logits, loss) < kGradientTolerance);
}

}  // namespace
}  // namespace sy
