// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_load.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr NoiseDraw kDraw{{21, 22, 23}, 5};

// Noisy logits of tokens, some of them padding, and their loads.
struct Loads {
  int64_t tokens, experts, groups, k;
  Owned clean, raw, noisy, valid, loads;

  Loads(DType dtype, int64_t tokens_, int64_t experts_, int64_t groups_, int64_t k_)
      : tokens(tokens_),
        experts(experts_),
        groups(groups_),
        k(k_),
        clean(random_tensor(dtype, {tokens, experts}, 1)),
        raw(random_tensor(dtype, {tokens, experts}, 2)),
        noisy(dtype, {tokens, experts}),
        valid(int_tensor({tokens}, padding(tokens))),
        loads(dtype, {groups, experts}) {}
  static std::vector<int32_t> padding(int64_t tokens) {
    std::vector<int32_t> valid;
    for (int64_t t = 0; t < tokens; ++t) valid.push_back(t % 5 == 2 ? 0 : 1);
    return valid;
  }
  void forward(Exec& exec) {
    router_noise_forward(exec, noisy, clean, raw, kDraw);
    router_load_forward(exec, loads, noisy, raw, valid, k, kDraw);
    synchronize(exec);
  }
};

// Equation (9): Phi((logit_e - the k-th largest H of the others) / s_e), by sorting the others.
double chance(Loads& of, int64_t t, int64_t e) {
  std::vector<double> others;
  for (int64_t i = 0; i < of.experts; ++i) {
    if (i != e) others.push_back(at(of.noisy, t * of.experts + i));
  }
  if (std::ssize(others) < of.k) return 1;
  std::sort(others.begin(), others.end(), std::greater<>());
  const double s = std::log(1 + std::exp(at(of.raw, t * of.experts + e)));
  const double z = (at(of.clean, t * of.experts + e) - others[static_cast<size_t>(of.k - 1)]) / s;
  return 0.5 * (1 + std::erf(z / std::sqrt(2.0)));
}

TEST_CASE("router_load: the definition", "[router_load]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(2, 6, 40), groups = GENERATE(1, 3), k = GENERATE(1, 2);
  Loads run(dtype, groups * 12, experts, groups, k);
  run.forward(*exec);
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t e = 0; e < experts; ++e) {
      double expected = 0;
      for (int64_t t = 12 * g; t < 12 * (g + 1); ++t) {
        if (run.valid.data<int32_t>()[t] != 0) expected += chance(run, t, e);
      }
      const double rounding = dtype == DType::f64 ? 1e-12 : 1e-4;
      REQUIRE(at(run.loads, g * experts + e) == Approx(expected).margin(rounding));
    }
  }
}

TEST_CASE("router_load: gradients of the logits and of the size of the noise", "[router_load]") {
  auto exec = make_exec();
  const int64_t k = GENERATE(1, 2), experts = GENERATE(2, 6);
  Loads run(DType::f64, 20, experts, 2, k);
  const Shape shape{20, experts};
  Owned weight = random_tensor(DType::f64, {2, experts}, 3);
  const auto loss = [&] {
    run.forward(*exec);
    return 0.7 * weighted_sum(run.loads, weight);
  };
  loss();
  Owned d_noisy(DType::f64, shape), d_raw = random_tensor(DType::f64, shape, 4);
  for (int64_t i = 0; i < shape.numel(); ++i) set(d_noisy, i, 0.5);
  router_load_backward(*exec, d_noisy, d_raw, weight, run.noisy, run.raw, run.valid, k, kDraw, 0.7);
  synchronize(*exec);
  for (int64_t i = 0; i < shape.numel(); ++i) set(d_noisy, i, at(d_noisy, i) - 0.5);
  router_noise_backward(*exec, d_raw, d_noisy, d_raw, run.raw, kDraw);
  synchronize(*exec);
  CHECK(gradient_error(run.clean, d_noisy, loss) < kGradientTolerance);
  CHECK(gradient_error(run.raw, d_raw, loss) < kGradientTolerance);
}

TEST_CASE("router_load: NaN, any number of threads, and faults", "[router_load]") {
  auto exec = make_exec();
  Loads run(DType::f32, 40, 6, 2, 2);
  run.forward(*exec);
  CHECK(same_for_any_threads(run.loads, [&](Exec& of, Tensor out) {
    router_load_forward(of, out, run.noisy, run.raw, run.valid, 2, kDraw);
  }));
  for (int64_t e = 0; e < 6; ++e) set(run.noisy, e, NAN);
  router_load_forward(*exec, run.loads, run.noisy, run.raw, run.valid, 2, kDraw);
  synchronize(*exec);
  CHECK(std::isnan(at(run.loads, 0)));
  CHECK_FALSE(std::isnan(at(run.loads, 6)));
  CHECK_THROWS_AS(router_load_forward(*exec, run.loads, run.noisy, run.raw, run.valid, 0, kDraw),
                  InternalError);
}

}  // namespace
}  // namespace sy
