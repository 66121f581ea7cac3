// SPDX-License-Identifier: Apache-2.0
#include "kernels/activation/activation.h"

#include <catch2/catch.hpp>
#include <numbers>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{5, 6, 7};

// linear where the kind has one, else absent.
Tensor linear_for(Activation kind, Tensor linear) {
  return kind == Activation::geglu ? linear : Tensor();
}

// The tanh form as published.
double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

TEST_CASE("activation: relu", "[activation]") {
  auto exec = make_exec();
  Owned hidden = tensor_of(DType::f32, {1, 5}, {-2, 0, 3, -1e-30, INFINITY});
  Owned out(DType::f32, {1, 5});
  activation_forward(*exec, out, hidden, {}, Activation::relu, {});
  CHECK(values_of(out) == std::vector<double>{0, 0, 3, 0, INFINITY});
  // A loss that has diverged must stay visible.
  Owned nan = tensor_of(DType::f32, {1, 1}, {NAN}), seen(DType::f32, {1, 1});
  const Activation kind = GENERATE(Activation::relu, Activation::gelu);
  activation_forward(*exec, seen, nan, {}, kind, {});
  CHECK(std::isnan(at(seen, 0)));
}

TEST_CASE("activation: gelu and geglu over the whole range of x", "[activation]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const double tolerance = dtype == DType::f64 ? 1e-14 : 3e-7;
  constexpr int64_t kCount = 4001;
  Owned hidden(dtype, {1, kCount}), linear = random_tensor(dtype, {1, kCount}, 1);
  for (int64_t i = 0; i < kCount; ++i) set(hidden, i, -20.0 + 0.01 * static_cast<double>(i));
  Owned out(dtype, {1, kCount}), gated(dtype, {1, kCount});
  activation_forward(*exec, out, hidden, {}, Activation::gelu, {});
  activation_forward(*exec, gated, hidden, linear, Activation::geglu, {});
  double worst = 0, worst_gated = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double expected = gelu(at(hidden, i)), size = std::max(1.0, std::abs(expected));
    worst = std::max(worst, std::abs(at(out, i) - expected) / size);
    worst_gated = std::max(worst_gated, std::abs(at(gated, i) - expected * at(linear, i)) / size);
  }
  CHECK(worst < tolerance);
  CHECK(worst_gated < 3 * tolerance);
}

TEST_CASE("activation: result and slope stay finite for large inputs", "[activation]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned hidden = tensor_of(dtype, {1, 4}, {-1e4, -50, 50, 1e4}), out(dtype, {1, 4});
  Owned ones = tensor_of(dtype, {1, 4}, {1, 1, 1, 1}), slope(dtype, {1, 4});
  activation_forward(*exec, out, hidden, {}, Activation::gelu, {});
  activation_backward(*exec, slope, {}, ones, hidden, {}, Activation::gelu, {});
  CHECK(largest_difference(out, tensor_of(dtype, {1, 4}, {0, 0, 50, 1e4})) < 1e-9);
  CHECK(largest_difference(slope, tensor_of(dtype, {1, 4}, {0, 0, 1, 1})) < 1e-9);
}

TEST_CASE("activation: gradients, with dropout and without", "[activation]") {
  const Activation kind = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  const float rate = GENERATE(0.0f, 0.3f);
  const Shape shape = GENERATE(Shape{5, 13}, Shape{1, 1}, Shape{0, 3}, Shape{2, 150}, Shape{3, 16});
  auto exec = make_exec();
  const Dropout dropout{rate, kKey, 40, {}};
  Owned hidden = random_tensor(DType::f64, shape, 1), linear = random_tensor(DType::f64, shape, 2);
  Owned weight = random_tensor(DType::f64, shape, 3), out(DType::f64, shape);
  Owned d_hidden(DType::f64, shape), d_linear(DType::f64, shape);
  const auto loss = [&] {
    activation_forward(*exec, out, hidden, linear_for(kind, linear), kind, dropout);
    return weighted_sum(out, weight);
  };
  activation_backward(*exec, d_hidden, linear_for(kind, d_linear), weight, hidden,
                      linear_for(kind, linear), kind, dropout);
  CHECK(gradient_error(hidden, d_hidden, loss) < kGradientTolerance);
  if (kind == Activation::geglu) {
    CHECK(gradient_error(linear, d_linear, loss) < kGradientTolerance);
  }
}

TEST_CASE("activation: drops the same elements as dropout_forward", "[activation]") {
  const Activation kind = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  auto exec = make_exec();
  const int64_t cols = GENERATE(50, 48);
  Owned ids = int_tensor({4}, {3, -1, 900, 3});
  const Dropout dropout{0.5f, kKey, 0, ids};
  Owned hidden = random_tensor(DType::f64, {4, cols}, 1),
        linear = random_tensor(DType::f64, {4, cols}, 2);
  Owned out(DType::f64, {4, cols}), expected(DType::f64, {4, cols});
  activation_forward(*exec, expected, hidden, linear_for(kind, linear), kind, {});
  dropout_forward(*exec, expected, expected, dropout);
  activation_forward(*exec, out, hidden, linear_for(kind, linear), kind, dropout);
  CHECK(largest_difference(out, expected) < 1e-14);
}

TEST_CASE("activation: relu in place, its gradient from the output, d_hidden over d_out",
          "[activation]") {
  auto exec = make_exec();
  const float rate = GENERATE(0.0f, 0.5f);
  const Dropout dropout{rate, kKey, 3, {}};
  const Shape shape{6, 31};
  Owned hidden = random_tensor(DType::f32, shape, 1), d_out = random_tensor(DType::f32, shape, 2);
  Owned out(DType::f32, shape), d_hidden(DType::f32, shape), in_place = hidden, d_in_place = d_out;
  activation_forward(*exec, out, hidden, {}, Activation::relu, dropout);
  activation_backward(*exec, d_hidden, {}, d_out, hidden, {}, Activation::relu, dropout);
  activation_forward(*exec, in_place, in_place, {}, Activation::relu, dropout);
  activation_backward(*exec, d_in_place, {}, d_in_place, in_place, {}, Activation::relu, dropout);
  CHECK(same_bits(in_place, out));
  CHECK(largest_difference(d_in_place, d_hidden) == 0);
}

TEST_CASE("activation: d_hidden may be d_out for every kind", "[activation]") {
  const Activation kind = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  auto exec = make_exec();
  const Shape shape{3, 45};
  Owned hidden = random_tensor(DType::f32, shape, 1), linear = random_tensor(DType::f32, shape, 2);
  Owned d_out = random_tensor(DType::f32, shape, 3), d_hidden(DType::f32, shape);
  Owned d_linear(DType::f32, shape), d_linear_again(DType::f32, shape);
  activation_backward(*exec, d_hidden, linear_for(kind, d_linear), d_out, hidden,
                      linear_for(kind, linear), kind, {});
  activation_backward(*exec, d_out, linear_for(kind, d_linear_again), d_out, hidden,
                      linear_for(kind, linear), kind, {});
  CHECK(same_bits(d_out, d_hidden));
  CHECK(same_bits(d_linear_again, d_linear));
}

TEST_CASE("activation: the same bits for any number of threads", "[activation]") {
  const Activation kind = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  Owned hidden = random_tensor(DType::f32, {23, 61}, 1);
  Owned linear = random_tensor(DType::f32, {23, 61}, 2);
  CHECK(same_for_any_threads(Owned(DType::f32, {23, 61}), [&](Exec& exec, Tensor out) {
    activation_forward(exec, out, hidden, linear_for(kind, linear), kind, {0.1f, kKey, 0, {}});
  }));
}

TEST_CASE("activation: only geglu takes linear", "[activation]") {
  auto exec = make_exec();
  Owned x(DType::f32, {2, 3}), y(DType::f32, {2, 3});
  CHECK_THROWS_AS(activation_forward(*exec, y, x, x, Activation::relu, {}), InternalError);
  CHECK_THROWS_AS(activation_forward(*exec, y, x, {}, Activation::geglu, {}), InternalError);
  CHECK_THROWS_AS(activation_forward(*exec, y, x, {}, Activation::relu, {-0.5f, kKey, 0, {}}),
                  InternalError);
}

}  // namespace
}  // namespace sy
