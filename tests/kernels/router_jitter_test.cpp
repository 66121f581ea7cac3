// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_jitter.h"

#include <catch2/catch.hpp>

#include "kernels/elementwise/elementwise.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{11, 12, 13};

TEST_CASE("router_jitter: noise is drawn by the element's global place", "[router_jitter]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t rows = 5, cols = GENERATE(1, 6, 131), first_row = GENERATE(3000000000, 3000000001);
  const float epsilon = 0.1f;
  Owned x = random_tensor(dtype, {rows, cols}, 1), out(dtype, {rows, cols});
  router_jitter(*exec, out, x, epsilon, kKey, first_row);
  double worst = 0, largest = 0;
  for (int64_t i = 0; i < rows * cols; ++i) {
    const double u = random_uniform(kKey, static_cast<uint64_t>(first_row * cols + i));
    const double factor = 1 + 0.1 * (2 * u - 1);
    worst = std::max(worst, std::abs(at(out, i) - factor * at(x, i)));
    largest = std::max(largest, std::abs(at(out, i) / at(x, i) - 1));
  }
  CHECK(worst < 1e-6);
  CHECK(largest <= 0.1 + 1e-6);
  // In place, and with epsilon 0.
  Owned in_place = x, copied(dtype, {rows, cols});
  router_jitter(*exec, in_place, in_place, epsilon, kKey, first_row);
  router_jitter(*exec, copied, x, 0, kKey, first_row);
  router_jitter(*exec, x, x, 0, kKey, first_row);
  synchronize(*exec);
  CHECK(same_bits(in_place, out));
  CHECK(same_bits(copied, x));
}

TEST_CASE("router_jitter: the gradient is the same noise", "[router_jitter]") {
  auto exec = make_exec();
  const Shape shape{4, 9};
  Owned x = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  router_jitter(*exec, d_x, weight, 0.3f, kKey, 8);
  CHECK(gradient_error(x, d_x, [&] {
          router_jitter(*exec, out, x, 0.3f, kKey, 8);
          return weighted_sum(out, weight);
        }) < kGradientTolerance);
}

Owned cast_to(Exec& exec, DType dtype, Tensor x) {
  Owned out(dtype, x.shape());
  cast(exec, out, x);
  return out;
}

// The same, bit for bit, as two passes make: nothing is rounded between them.
TEST_CASE("router_jitter: from bfloat16 and to it in one pass", "[router_jitter]") {
  auto exec = make_exec();
  const float epsilon = GENERATE(0.1f, 0.0f);
  const Shape shape{5, GENERATE(1, 6, 131)};
  const int64_t first_row = GENERATE(8, 9);
  Owned x = random_tensor(DType::f32, shape, 1), out(DType::f32, shape);
  Owned narrow = cast_to(*exec, DType::bf16, x), wide = cast_to(*exec, DType::f32, narrow);
  Owned from_narrow(DType::f32, shape), to_narrow(DType::bf16, shape);
  router_jitter(*exec, out, wide, epsilon, kKey, first_row);
  router_jitter(*exec, from_narrow, narrow, epsilon, kKey, first_row);
  synchronize(*exec);
  CHECK(same_bits(from_narrow, out));
  router_jitter(*exec, out, x, epsilon, kKey, first_row);
  router_jitter(*exec, to_narrow, x, epsilon, kKey, first_row);
  CHECK(same_bits(to_narrow, cast_to(*exec, DType::bf16, out)));
}

TEST_CASE("router_jitter: no rows, and mismatched arguments", "[router_jitter]") {
  auto exec = make_exec();
  Owned none(DType::bf16, {0, 4}), no_out(DType::f32, {0, 4});
  router_jitter(*exec, no_out, none, 0.1f, kKey, 0);
  Owned x(DType::f32, {2, 4}), narrow(DType::bf16, {2, 4}), other(DType::f32, {4, 2});
  CHECK_THROWS_AS(router_jitter(*exec, other, x, 0.1f, kKey, 0), InternalError);
  CHECK_THROWS_AS(router_jitter(*exec, narrow, narrow, 0.1f, kKey, 0), InternalError);
}

TEST_CASE("router_jitter: the same bits for any number of threads", "[router_jitter]") {
  CHECK(same_for_any_threads(random_tensor(DType::f32, {7, 300}, 1), [](Exec& exec, Tensor x) {
    router_jitter(exec, x, x, 0.1f, kKey, 3);
  }));
}

}  // namespace
}  // namespace sy
