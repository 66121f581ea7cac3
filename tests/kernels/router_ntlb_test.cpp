// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_ntlb.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

struct Outcome {
  std::vector<double> gate, fraction;
  std::vector<int32_t> expert;
};

Outcome route(Exec& exec, Owned& probs, Owned& scores, const std::vector<int32_t>& valid,
              int64_t groups, int64_t k, int64_t capacity) {
  const int64_t tokens = probs.tensor().dim(0), experts = probs.tensor().dim(1);
  const DType dtype = probs.tensor().dtype();
  Owned gate(dtype, {tokens, 1}), fraction(dtype, {groups, experts});
  Owned expert(DType::i32, {tokens, 1}), routed = int_tensor({tokens}, valid);
  router_ntlb(exec, gate, expert, fraction, probs, scores, routed, k, capacity);
  synchronize(exec);
  return {values_of(gate), values_of(fraction), ints_of(expert)};
}

// The steps of the appendix for one group, with masks and running sums over its tokens.
void route_group(Outcome& result, const std::vector<std::vector<size_t>>& order,
                 const std::vector<std::vector<double>>& probs, const std::vector<int32_t>& valid,
                 int64_t capacity) {
  const size_t tokens = order.size(), experts = probs[0].size(), k = order[0].size();
  std::vector<int64_t> left(tokens, 1), taken(experts, 0);
  std::vector<double> fraction(experts, 0), gate(tokens, 0);
  std::vector<int32_t> expert(tokens, -1);
  const double routed = std::accumulate(valid.begin(), valid.end(), 0.0);
  for (size_t j = 0; j < k; ++j) {
    std::vector<int64_t> count = taken;
    for (size_t t = 0; t < tokens; ++t) {
      const size_t e = order[t][j];
      if (valid[t] == 0) continue;
      fraction[e] += 1.0 / (static_cast<double>(k) * routed);
      if (left[t] == 0) continue;
      if (++count[e] > capacity) continue;
      ++taken[e];
      left[t] = 0;
      expert[t] = static_cast<int32_t>(e);
      gate[t] = probs[t][e];
    }
  }
  for (size_t t = 0; t < tokens; ++t) {
    if (valid[t] == 0 || left[t] == 0) continue;
    expert[t] = static_cast<int32_t>(order[t][0]);
    gate[t] = probs[t][order[t][0]];
  }
  result.gate.insert(result.gate.end(), gate.begin(), gate.end());
  result.expert.insert(result.expert.end(), expert.begin(), expert.end());
  result.fraction.insert(result.fraction.end(), fraction.begin(), fraction.end());
}

Outcome plain(Tensor probs, Tensor scores, const std::vector<int32_t>& valid, int64_t groups,
              int64_t k, int64_t capacity) {
  const int64_t tokens = probs.dim(0) / groups, experts = probs.dim(1);
  Outcome result;
  for (int64_t g = 0; g < groups; ++g) {
    std::vector<std::vector<size_t>> order;
    std::vector<std::vector<double>> rows;
    for (int64_t t = g * tokens; t < (g + 1) * tokens; ++t) {
      std::vector<size_t> by_score(static_cast<size_t>(experts));
      std::iota(by_score.begin(), by_score.end(), size_t{0});
      const auto score = [&](size_t e) {
        return at(scores, t * experts + static_cast<int64_t>(e));
      };
      std::stable_sort(by_score.begin(), by_score.end(),
                       [&](size_t a, size_t b) { return score(a) > score(b); });
      by_score.resize(static_cast<size_t>(k));
      order.push_back(by_score);
      rows.emplace_back();
      for (int64_t e = 0; e < experts; ++e) rows.back().push_back(at(probs, t * experts + e));
    }
    route_group(result, order, rows, {valid.begin() + g * tokens, valid.begin() + (g + 1) * tokens},
                capacity);
  }
  return result;
}

// All of three tokens prefer expert 0, then 1, then 2, each of which takes one.
TEST_CASE("router_ntlb: three tokens that agree", "[router_ntlb]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned probs =
      tensor_of(dtype, {4, 3}, {0.5, 0.375, 0.125, 0.5, 0.25, 0.25, 0.75, 0.125, 0.125, 0, 0, 1});
  const Outcome all = route(*exec, probs, probs, {1, 1, 1, 0}, 1, 3, 1);
  CHECK(all.expert == std::vector<int32_t>{0, 1, 2, -1});
  CHECK(all.gate == std::vector<double>{0.5, 0.25, 0.125, 0});
  for (const double share : all.fraction) CHECK(share == Approx(1.0 / 3));
  // With two choices the third token is left with its first one.
  const Outcome two = route(*exec, probs, probs, {1, 1, 1, 0}, 1, 2, 1);
  CHECK(two.expert == std::vector<int32_t>{0, 1, 0, -1});
  CHECK(two.gate == std::vector<double>{0.5, 0.25, 0.75, 0});
  CHECK(two.fraction == std::vector<double>{0.5, 0.5, 0});
}

TEST_CASE("router_ntlb: the steps of the appendix", "[router_ntlb]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(1, 5, 40), groups = GENERATE(1, 3), size = 37;
  const int64_t k = std::min<int64_t>(experts, 4), capacity = GENERATE(1, 6, 37);
  Owned probs = random_tensor(dtype, {groups * size, experts}, 1), scores = probs;
  if (experts == 5) scores = random_tensor(dtype, {groups * size, experts}, 2);
  std::vector<int32_t> valid;
  for (int64_t t = 0; t < groups * size; ++t) valid.push_back(t % 7 == 3 ? 0 : 1);
  if (groups == 3) std::fill(valid.begin(), valid.begin() + size, 0);
  const Outcome found = route(*exec, probs, scores, valid, groups, k, capacity);
  const Outcome expected = plain(probs, scores, valid, groups, k, capacity);
  CHECK(found.expert == expected.expert);
  CHECK(found.gate == expected.gate);
  for (size_t i = 0; i < expected.fraction.size(); ++i) {
    REQUIRE(found.fraction[i] == Approx(expected.fraction[i]).margin(1e-6));
  }
}

TEST_CASE("router_ntlb: equal scores, any number of threads, and faults", "[router_ntlb]") {
  Owned probs = random_tensor(DType::f32, {64, 8}, 1), gate(DType::f32, {64, 1});
  for (int64_t i = 0; i < probs.tensor().numel(); ++i)
    probs.data<float>()[i] = i % 2 == 0 ? 0.2f : 0.1f;
  Owned expert(DType::i32, {64, 1}), fraction(DType::f32, {2, 8});
  Owned valid = int_tensor({64}, std::vector<int32_t>(64, 1));
  CHECK(same_for_any_threads(expert, [&](Exec& exec, Tensor out) {
    router_ntlb(exec, gate, out, fraction, probs, probs, valid, 3, 5);
  }));
  auto exec = make_exec();
  const Outcome found = route(*exec, probs, probs, std::vector<int32_t>(64, 1), 2, 3, 5);
  for (size_t t = 0; t < 15; ++t) CHECK(found.expert[t] == static_cast<int32_t>(t / 5 * 2));
  CHECK(found.expert[15] == 0);
  CHECK_THROWS_AS(route(*exec, probs, probs, std::vector<int32_t>(64, 1), 2, 9, 5), InternalError);
  CHECK_THROWS_AS(route(*exec, probs, probs, std::vector<int32_t>(64, 1), 2, 3, 0), InternalError);
}

}  // namespace
}  // namespace sy
