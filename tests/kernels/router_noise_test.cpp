// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_noise.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr NoiseDraw kDraw{{21, 22, 23}, 5};

TEST_CASE("router_noise: a standard normal times softplus", "[router_noise]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  constexpr int64_t kTokens = 2000, kExperts = 5;
  Owned logits(dtype, {kTokens, kExperts}), raw(dtype, {kTokens, kExperts});
  Owned noisy(dtype, {kTokens, kExperts});
  for (int64_t i = 0; i < kTokens * kExperts; ++i) {
    set(logits, i, 3);
    set(raw, i, 0.5);
  }
  router_noise_forward(*exec, noisy, logits, raw, kDraw);
  synchronize(*exec);
  double sum = 0, squares = 0, fourth = 0;
  for (int64_t i = 0; i < kTokens * kExperts; ++i) {
    const double eps = (at(noisy, i) - 3) / std::log(1 + std::exp(0.5));
    sum += eps;
    squares += eps * eps;
    fourth += eps * eps * eps * eps;
  }
  const double count = kTokens * kExperts;
  CHECK(sum / count == Approx(0).margin(0.04));
  CHECK(squares / count == Approx(1).margin(0.06));
  CHECK(fourth / count == Approx(3).margin(0.4));
}

TEST_CASE("router_noise: extreme sizes, and draws by the global row", "[router_noise]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned logits(dtype, {2, 2}), raw = tensor_of(dtype, {2, 2}, {-200, 200, 0, 0}), noisy = logits;
  router_noise_forward(*exec, noisy, logits, raw, kDraw);
  synchronize(*exec);
  CHECK(std::abs(at(noisy, 0)) < 1e-30);
  CHECK(std::abs(at(noisy, 1)) > 1);
  CHECK(std::abs(at(noisy, 1)) < 1200);
  Owned second(dtype, {1, 2});
  router_noise_forward(*exec, second, logits.tensor().slice(1, 1), raw.tensor().slice(1, 1),
                       {kDraw.key, 6});
  synchronize(*exec);
  CHECK(same_bits(second, noisy.tensor().slice(1, 1)));
}

TEST_CASE("router_noise: gradients, any number of threads, and faults", "[router_noise]") {
  auto exec = make_exec();
  const Shape shape{9, 5};
  Owned logits = random_tensor(DType::f64, shape, 1), raw = random_tensor(DType::f64, shape, 2);
  Owned weight = random_tensor(DType::f64, shape, 3), apart = random_tensor(DType::f64, shape, 4);
  Owned noisy(DType::f64, shape), d_raw(DType::f64, shape);
  const bool has_apart = GENERATE(false, true);
  const auto loss = [&] {
    router_noise_forward(*exec, noisy, logits, raw, kDraw);
    synchronize(*exec);
    double total = weighted_sum(noisy, weight);
    for (int64_t i = 0; i < shape.numel() && has_apart; ++i) {
      total += at(apart, i) * std::log(1 + std::exp(at(raw, i)));
    }
    return total;
  };
  router_noise_backward(*exec, d_raw, weight, has_apart ? apart.tensor() : Tensor(), raw, kDraw);
  synchronize(*exec);
  CHECK(gradient_error(raw, d_raw, loss) < kGradientTolerance);
  CHECK(gradient_error(logits, weight, loss) < kGradientTolerance);
  CHECK(same_for_any_threads(
      noisy, [&](Exec& of, Tensor out) { router_noise_forward(of, out, logits, raw, kDraw); }));
  Owned other(DType::f64, {9, 4});
  CHECK_THROWS_AS(router_noise_forward(*exec, other, logits, raw, kDraw), InternalError);
}

}  // namespace
}  // namespace sy
