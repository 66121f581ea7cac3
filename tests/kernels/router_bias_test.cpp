// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_bias.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("router_bias: scores are the softmax and the bias", "[router_bias]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t rows = 7, experts = GENERATE(1, 5, 33);
  Owned logits = random_tensor(dtype, {rows, experts}, 1), scores(dtype, {rows, experts});
  Owned bias = random_tensor(dtype, {experts}, 2);
  router_bias_scores(*exec, scores, logits, bias);
  double worst = 0;
  for (int64_t t = 0; t < rows; ++t) {
    double total = 0;
    for (int64_t e = 0; e < experts; ++e) total += std::exp(at(logits, t * experts + e));
    for (int64_t e = 0; e < experts; ++e) {
      const double p = std::exp(at(logits, t * experts + e)) / total;
      worst = std::max(worst, std::abs(at(scores, t * experts + e) - p - at(bias, e)));
    }
  }
  CHECK(worst < (dtype == DType::f32 ? 1e-6 : 1e-14));
  CHECK(same_for_any_threads(
      scores, [&](Exec& on, Tensor out) { router_bias_scores(on, out, logits, bias); }));
}

// By hand: loads 7, 1, 4, 4 have the mean 4, so s = -1, 1, 0, 0 with the mean 0. Loads 9, 1, 1, 1
// have the mean 3, so s = -1, 1, 1, 1 with the mean 1/2.
TEST_CASE("router_bias: what a step changes", "[router_bias]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const double last = GENERATE(0, 5);  // the dropped tokens count for nothing
  const auto changed = [&](const std::vector<int32_t>& loads, double applies) {
    std::vector<int32_t> counts = loads;
    counts.push_back(static_cast<int32_t>(last));
    Owned bias = tensor_of(dtype, {4}, {0.25, -0.5, 0.125, 0.125});
    Owned all = int_tensor({5}, counts), apply = tensor_of(DType::f64, {1}, {applies});
    router_bias_update(*exec, bias, all, apply, 0.25);
    synchronize(*exec);
    return values_of(bias);
  };
  CHECK(changed({7, 1, 4, 4}, 1) == std::vector<double>{0, -0.25, 0.125, 0.125});
  CHECK(changed({9, 1, 1, 1}, 1) == std::vector<double>{-0.125, -0.375, 0.25, 0.25});
  CHECK(changed({4, 4, 4, 4}, 1) == std::vector<double>{0.25, -0.5, 0.125, 0.125});
  CHECK(changed({7, 1, 4, 4}, 0) == std::vector<double>{0.25, -0.5, 0.125, 0.125});
}

// Means that a rounded division would not tell from the loads, and more experts than a warp.
TEST_CASE("router_bias: exact loads, and biases that stay centred", "[router_bias]") {
  auto exec = make_exec();
  constexpr int64_t kExperts = 67;
  std::vector<int32_t> counts(kExperts, 1'500'000'000);
  counts[3] += 1;
  Owned bias(DType::f64, {kExperts}), loads = int_tensor({kExperts}, counts);
  Owned apply = tensor_of(DType::f64, {1}, {1.0});
  router_bias_update(*exec, bias, loads, apply, 1.0);
  synchronize(*exec);
  double sum = 0;
  for (const double b : values_of(bias)) sum += b;
  CHECK(std::abs(sum) < 1e-12);
  CHECK(at(bias, 3) == Approx(-1.0 - 65.0 / 67.0));
  CHECK(at(bias, 4) == Approx(1.0 - 65.0 / 67.0));
  CHECK_THROWS_AS(router_bias_update(*exec, bias, loads, apply, 0.0), InternalError);
}

}  // namespace
}  // namespace sy
