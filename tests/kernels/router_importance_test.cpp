// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_importance.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// Sums 3, 1 and 2: the mean is 2 and the variance 2/3, so CV^2 is 1/6.
TEST_CASE("router_importance: three experts by hand", "[router_importance]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned gate = tensor_of(dtype, {4, 2}, {1, 0.5, 2, 0.5, 9, 1, 0, 1});
  Owned expert = int_tensor({4, 2}, {0, 1, 0, 1, -1, 2, 1, 2});
  Owned sums(dtype, {1, 3}), loss(dtype, {1}), d_sums(dtype, {1, 3});
  router_gate_sums(*exec, sums, gate, expert);
  router_variation(*exec, loss, d_sums, sums);
  synchronize(*exec);
  CHECK(values_of(sums) == std::vector<double>{3, 1, 2});
  CHECK(at(loss, 0) == Approx(1.0 / 6));
  Owned d_gate = tensor_of(dtype, {4, 2}, std::vector<double>(8, 1));
  Owned weight = tensor_of(dtype, {1, 3}, {1, 2, 3});
  router_gate_sums_backward(*exec, d_gate, weight, expert, 0.5);
  synchronize(*exec);
  CHECK(values_of(d_gate) == std::vector<double>{1.5, 2, 1.5, 2, 1, 2.5, 2, 2.5});
}

TEST_CASE("router_importance: the definition, and its gradient", "[router_importance]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(1, 7, 300);
  Owned sums = random_tensor(dtype, {3, experts}, 1), d_sums(dtype, {3, experts});
  Owned loss(dtype, {1});
  for (int64_t i = 0; i < 3 * experts; ++i) {
    set(sums, i, i < experts ? 0.0 : std::abs(at(sums, i)) + 0.1);  // the first group has none
  }
  const auto variation = [&] {
    router_variation(*exec, loss, d_sums, sums);
    synchronize(*exec);
    return at(loss, 0);
  };
  double expected = 0;
  for (int64_t g = 1; g < 3; ++g) {
    double mean = 0, variance = 0;
    for (int64_t e = 0; e < experts; ++e) {
      mean += at(sums, g * experts + e) / static_cast<double>(experts);
    }
    for (int64_t e = 0; e < experts; ++e) {
      const double off = at(sums, g * experts + e) - mean;
      variance += off * off / static_cast<double>(experts);
    }
    expected += variance / (mean * mean);
  }
  CHECK(variation() == Approx(expected).margin(1e-6));
  for (int64_t e = 0; e < experts; ++e) REQUIRE(at(d_sums, e) == 0);
  if (dtype == DType::f32) return;
  const Tensor full = sums.tensor().slice(1, 2);
  Owned gradient = d_sums;
  CHECK(gradient_error(full, gradient.tensor().slice(1, 2), variation) < kGradientTolerance);
}

TEST_CASE("router_importance: sums of groups, any number of threads, and faults",
          "[router_importance]") {
  Owned gate = random_tensor(DType::f32, {60, 2}, 1);
  std::vector<int32_t> chosen(120);
  for (int32_t i = 0; i < 120; ++i) {
    chosen[static_cast<size_t>(i)] = i % 11 == 3 ? -1 : i * 7 % 5;
  }
  Owned expert = int_tensor({60, 2}, chosen), sums(DType::f32, {3, 5});
  CHECK(same_for_any_threads(
      sums, [&](Exec& exec, Tensor out) { router_gate_sums(exec, out, gate, expert); }));
  auto exec = make_exec();
  router_gate_sums(*exec, sums, gate, expert);
  synchronize(*exec);
  for (size_t g = 0; g < 3; ++g) {
    std::vector<double> expected(5);
    for (size_t i = 40 * g; i < 40 * (g + 1); ++i) {
      if (chosen[i] >= 0) {
        expected[static_cast<size_t>(chosen[i])] += at(gate, static_cast<int64_t>(i));
      }
    }
    for (size_t e = 0; e < 5; ++e) {
      CHECK(at(sums, static_cast<int64_t>(5 * g + e)) == Approx(expected[e]).margin(1e-5));
    }
  }
  Owned uneven(DType::f32, {7, 5});
  CHECK_THROWS_AS(router_gate_sums(*exec, uneven, gate, expert), InternalError);
}

}  // namespace
}  // namespace sy
