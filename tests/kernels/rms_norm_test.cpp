// SPDX-License-Identifier: Apache-2.0
#include "kernels/rms_norm/rms_norm.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("rms_norm: a row worked by hand", "[rms_norm]") {
  auto exec = make_exec();
  Owned x(DType::f64, {1, 2}), scale(DType::f64, {2}), out(DType::f64, {1, 2}),
      rstd(DType::f64, {1});
  x.data<double>()[0] = 3;
  x.data<double>()[1] = 4;
  scale.data<double>()[0] = 1;
  scale.data<double>()[1] = 2;
  rms_norm_forward(*exec, out, rstd, x, scale);
  const double root = std::sqrt(12.5 + 1e-6);
  CHECK(out.data<double>()[0] == Approx(3 / root).epsilon(1e-12));
  CHECK(out.data<double>()[1] == Approx(8 / root).epsilon(1e-12));
}

TEST_CASE("rms_norm: gradients", "[rms_norm]") {
  const Shape shape = GENERATE(Shape{7, 5}, Shape{1, 1}, Shape{0, 3}, Shape{33, 17}, Shape{150, 4});
  auto exec = make_exec();
  const int64_t rows = shape[0], d = shape[1];
  Owned x = random_tensor(DType::f64, shape, 1), scale = random_tensor(DType::f64, {d}, 2);
  Owned weight = random_tensor(DType::f64, shape, 3),
        residual = random_tensor(DType::f64, shape, 4);
  Owned out(DType::f64, shape), rstd(DType::f64, {rows});
  Owned d_x(DType::f64, shape), d_scale = zeros(DType::f64, {d});
  // The loss includes the residual branch, whose gradient backward adds.
  auto loss = [&] {
    rms_norm_forward(*exec, out, rstd, x, scale);
    return weighted_sum(out, weight) + weighted_sum(x, residual);
  };
  loss();
  rms_norm_backward(*exec, d_x, d_scale, weight, x, scale, rstd, residual);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(scale, d_scale, loss) < kGradientTolerance);
}

TEST_CASE("rms_norm: parameter gradients accumulate, float32 agrees with float64", "[rms_norm]") {
  auto exec = make_exec();
  const Shape shape{19, 40};
  Owned x = random_tensor(DType::f32, shape, 1), scale = random_tensor(DType::f32, {40}, 2);
  Owned weight = random_tensor(DType::f32, shape, 3);
  Owned x64 = random_tensor(DType::f64, shape, 1), scale64 = random_tensor(DType::f64, {40}, 2);
  Owned weight64 = random_tensor(DType::f64, shape, 3);
  Owned out(DType::f32, shape), rstd(DType::f32, {19}), d_x(DType::f32, shape),
      d_scale(DType::f32, {40});
  Owned out64(DType::f64, shape), rstd64(DType::f64, {19}), d_x64(DType::f64, shape),
      d_scale64(DType::f64, {40});
  rms_norm_forward(*exec, out, rstd, x, scale);
  rms_norm_forward(*exec, out64, rstd64, x64, scale64);
  for (int repeat = 0; repeat < 2; ++repeat) {
    rms_norm_backward(*exec, d_x, d_scale, weight, x, scale, rstd, {});
    rms_norm_backward(*exec, d_x64, d_scale64, weight64, x64, scale64, rstd64, {});
  }
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(d_x.data<float>()[i] == Approx(d_x64.data<double>()[i]).margin(1e-5));
  }
  for (int64_t i = 0; i < 40; ++i) {
    CHECK(d_scale.data<float>()[i] == Approx(d_scale64.data<double>()[i]).margin(1e-4));
  }
}

TEST_CASE("rms_norm: the scale's gradient over many rows", "[rms_norm]") {
  const int64_t rows = GENERATE(4095, 4097, 9001), d = GENERATE(3, 8);
  auto exec = make_exec();
  Owned x = random_tensor(DType::f64, {rows, d}, 1),
        d_out = random_tensor(DType::f64, {rows, d}, 2);
  Owned scale = random_tensor(DType::f64, {d}, 3), d_scale = random_tensor(DType::f64, {d}, 4);
  Owned out(DType::f64, {rows, d}), rstd(DType::f64, {rows}), d_x(DType::f64, {rows, d});
  Owned expected = d_scale;
  rms_norm_forward(*exec, out, rstd, x, scale);
  for (int64_t i = 0; i < rows * d; ++i) {
    set(expected, i % d, at(expected, i % d) + at(d_out, i) * at(x, i) * at(rstd, i / d));
  }
  rms_norm_backward(*exec, d_x, d_scale, d_out, x, scale, rstd, {});
  CHECK(largest_difference(d_scale, expected) < 1e-11);
}

TEST_CASE("rms_norm: the same bits for any number of threads", "[rms_norm]") {
  const Shape shape{200, 33};  // more than one block of rows, the last partly filled
  Owned x = random_tensor(DType::f32, shape, 1), scale = random_tensor(DType::f32, {33}, 2);
  Owned d_out = random_tensor(DType::f32, shape, 3);
  CHECK(same_for_any_threads(random_tensor(DType::f32, {33}, 4), [&](Exec& exec, Tensor d_scale) {
    Owned out(DType::f32, shape), rstd(DType::f32, {200}), d_x(DType::f32, shape);
    rms_norm_forward(exec, out, rstd, x, scale);
    rms_norm_backward(exec, d_x, d_scale, d_out, x, scale, rstd, {});
  }));
}

}  // namespace
}  // namespace sy
