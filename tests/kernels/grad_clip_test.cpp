// SPDX-License-Identifier: Apache-2.0
#include "kernels/grad_clip/grad_clip.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

std::vector<double> clipped(const std::vector<double>& sums, double loss, double clip_norm,
                            double loss_limit = INFINITY) {
  auto exec = make_exec();
  Owned scalars(DType::f64, {kStepScalars});
  Owned squares = tensor_of(DType::f64, {static_cast<int64_t>(sums.size())}, sums);
  Owned sum = tensor_of(DType::f64, {1}, {loss});
  grad_clip(*exec, scalars, squares, sum, 0.5, clip_norm, loss_limit);
  return values_of(scalars);
}

TEST_CASE("grad_clip: clipping brings a norm down and never up", "[grad_clip]") {
  CHECK(clipped({40, 24}, 6, 2) == std::vector<double>{0.25, 1, 8, 3});
  CHECK(clipped({4, 0}, 6, 2) == std::vector<double>{1, 1, 2, 3});
  CHECK(clipped({0, 0.25}, 6, 2) == std::vector<double>{1, 1, 0.5, 3});
  CHECK(clipped({0, 0}, 6, 2) == std::vector<double>{1, 1, 0, 3});
  CHECK(clipped({64, 0}, 6, 0) == std::vector<double>{1, 1, 8, 3});  // off
}

TEST_CASE("grad_clip: any number of sums, added in their order", "[grad_clip]") {
  CHECK(clipped({64}, 6, 2) == std::vector<double>{0.25, 1, 8, 3});
  CHECK(clipped({40, 8, 4, 12}, 6, 2) == std::vector<double>{0.25, 1, 8, 3});
  const double tiny = std::ldexp(1.0, -53);  // lost when added to 1, but four of them are not
  CHECK(clipped({1, tiny, tiny, tiny, tiny}, 6, 0)[kGradientNorm] == 1);
  CHECK(clipped({tiny, tiny, tiny, tiny, 1}, 6, 0)[kGradientNorm] > 1);
}

TEST_CASE("grad_clip: no update where a number is not finite", "[grad_clip]") {
  const double bad = GENERATE(INFINITY, NAN);
  CHECK(clipped({bad, 1}, 1, 1)[kApplyUpdate] == 0);
  CHECK(clipped({1, bad}, 1, 1)[kApplyUpdate] == 0);
  CHECK(clipped({1, 1}, bad, 1)[kApplyUpdate] == 0);
  CHECK(clipped({1, 1}, -bad, 1)[kApplyUpdate] == 0);
  CHECK(clipped({1, 1}, 1, 1)[kApplyUpdate] == 1);
}

TEST_CASE("grad_clip: no update where the loss is above its limit", "[grad_clip]") {
  CHECK(clipped({1, 3}, 6, 1, 3) == std::vector<double>{0.5, 1, 2, 3});
  CHECK(clipped({1, 3}, 6, 1, 2.999) == std::vector<double>{0.5, 0, 2, 3});
  CHECK(clipped({1, 3}, NAN, 1, 3)[kApplyUpdate] == 0);
}

TEST_CASE("grad_clip: wrong arguments", "[grad_clip]") {
  auto exec = make_exec();
  Owned three(DType::f64, {3}), one(DType::f64, {1});
  Owned scalars(DType::f64, {kStepScalars});
  CHECK_THROWS_AS(grad_clip(*exec, three, three, one, 1, 1), InternalError);
  CHECK_THROWS_AS(grad_clip(*exec, scalars, {}, one, 1, 1), InternalError);
}

}  // namespace
}  // namespace sy
