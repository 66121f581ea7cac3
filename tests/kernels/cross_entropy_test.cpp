// SPDX-License-Identifier: Apache-2.0
#include "kernels/cross_entropy/cross_entropy.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

TEST_CASE("cross_entropy: rows worked by hand", "[cross_entropy]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  // Softmax 1/8, 2/8, 5/8; a padding row; a uniform row.
  Owned logits = tensor_of(dtype, {3, 3}, {0, std::log(2), std::log(5), 1, 2, 3, 4, 4, 4});
  Owned targets = int_tensor({3}, {2, kPadId, 1}), loss = tensor_of(dtype, {3}, {9, 9, 9});
  cross_entropy(*exec, loss, logits, logits, targets, 8.0);
  CHECK(largest_difference(loss, tensor_of(dtype, {3}, {std::log(1.6), 0, std::log(3)})) < 1e-6);
  const double third = 8.0 / 3;
  CHECK(largest_difference(
            logits, tensor_of(dtype, {3, 3}, {1, 2, -3, 0, 0, 0, third, third - 8, third})) < 1e-5);
}

TEST_CASE("cross_entropy: gradients", "[cross_entropy]") {
  const int64_t vocab = GENERATE(2, 7, 130, 136);
  auto exec = make_exec();
  constexpr int64_t kRows = 5;
  Owned logits = random_tensor(DType::f64, {kRows, vocab}, 1, 2.0);
  Owned targets = int_tensor({kRows}, {1, 0, static_cast<int32_t>(vocab) - 1, 1, 0});
  Owned gradient = logits, loss(DType::f64, {kRows}), again(DType::f64, {kRows});
  Owned ones = tensor_of(DType::f64, {kRows}, std::vector<double>(kRows, 0.3));
  cross_entropy(*exec, loss, gradient, gradient, targets, 0.3);
  CHECK(gradient_error(logits, gradient, [&] {
          cross_entropy(*exec, again, {}, logits, targets, 1e9);
          return weighted_sum(again, ones);
        }) < kGradientTolerance);
  CHECK(largest_difference(loss, again) < 1e-14);
}

TEST_CASE("cross_entropy: gradients with a z-loss, which the loss does not show",
          "[cross_entropy]") {
  constexpr double kZ = 0.2;
  const int64_t vocab = GENERATE(2, 7, 136);
  auto exec = make_exec();
  constexpr int64_t kRows = 5;
  Owned logits = random_tensor(DType::f64, {kRows, vocab}, 1, 2.0);
  Owned targets = int_tensor({kRows}, {1, 0, static_cast<int32_t>(vocab) - 1, 1, 0});
  Owned gradient = logits, loss(DType::f64, {kRows}), plain(DType::f64, {kRows});
  Owned squares = tensor_of(DType::f64, {kRows}, std::vector<double>(kRows, 9));
  cross_entropy(*exec, loss, gradient, gradient, targets, 0.3, {kZ, squares});
  cross_entropy(*exec, plain, {}, logits, targets, 0.3);
  CHECK(same_bits(loss, plain));
  const auto log_z = [&](int64_t r) {
    double sum = 0;
    for (int64_t i = 0; i < vocab; ++i) sum += std::exp(at(logits, r * vocab + i));
    return std::log(sum);
  };
  const auto target = [&](int64_t r) { return targets.data<int32_t>()[r]; };
  for (int64_t r = 0; r < kRows; ++r) {
    const double expected = target(r) == kPadId ? 0 : log_z(r) * log_z(r);
    CHECK(at(squares, r) == Approx(expected));
  }
  CHECK(gradient_error(logits, gradient, [&] {
          double total = 0;
          for (int64_t r = 0; r < kRows; ++r) {
            if (target(r) == kPadId) continue;
            total += log_z(r) - at(logits, r * vocab + target(r)) + kZ * log_z(r) * log_z(r);
          }
          return 0.3 * total;
        }) < kGradientTolerance);
}

TEST_CASE("cross_entropy: without a gradient logits are unchanged", "[cross_entropy]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f32, {4, 50}, 1), before = logits, loss(DType::f32, {4});
  Owned targets = int_tensor({4}, {3, 0, 49, 7});
  cross_entropy(*exec, loss, {}, logits, targets, 2.0);
  CHECK(same_bits(logits, before));
}

TEST_CASE("cross_entropy: a whole vocabulary in float32 agrees with float64", "[cross_entropy]") {
  constexpr int64_t kVocab = 32128;
  auto exec = make_exec();
  Owned targets = int_tensor({2}, {5, 32127});
  Owned logits = random_tensor(DType::f32, {2, kVocab}, 1, 4.0), loss(DType::f32, {2});
  Owned wide(DType::f64, {2, kVocab}), wide_loss(DType::f64, {2});
  for (int64_t i = 0; i < 2 * kVocab; ++i) set(wide, i, at(logits, i));
  cross_entropy(*exec, loss, logits, logits, targets, 1.0);
  cross_entropy(*exec, wide_loss, wide, wide, targets, 1.0);
  CHECK(largest_difference(loss, wide_loss) < 4e-6);  // two units in the last place of the loss
  double worst = 0, total = 0;
  for (int64_t i = 0; i < kVocab; ++i) {
    worst = std::max(worst, std::abs(at(logits, i) - at(wide, i)) / std::abs(at(wide, i)));
    total += at(logits, i);
  }
  CHECK(worst < 3e-6);                       // for every probability, however small
  CHECK(total == Approx(0.0).margin(4e-6));  // a softmax minus a one-hot vector
}

TEST_CASE("cross_entropy: extreme logits", "[cross_entropy]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  Owned logits = tensor_of(dtype, {2, 3}, {-1e4, 1e4, 0, -1e30, -1e30, -1e30});
  Owned targets = int_tensor({2}, {2, 1}), loss(dtype, {2});
  cross_entropy(*exec, loss, logits, logits, targets, 1.0);
  CHECK(at(loss, 0) == Approx(1e4));
  CHECK(at(loss, 1) == Approx(std::log(3)));
  CHECK(at(logits, 1) == Approx(1));
  CHECK(at(logits, 2) == Approx(-1));
}

TEST_CASE("cross_entropy: a NaN logit shows in the loss", "[cross_entropy]") {
  auto exec = make_exec();
  Owned logits = random_tensor(DType::f32, {1, 300}, 1), loss(DType::f32, {1});
  set(logits, 200, NAN);
  cross_entropy(*exec, loss, logits, logits, int_tensor({1}, {5}), 1.0);
  CHECK(std::isnan(at(loss, 0)));
}

TEST_CASE("cross_entropy: the same bits for any number of threads", "[cross_entropy]") {
  Owned targets = int_tensor({7}, {1, 2, 0, 4, 5, 6, 7});
  CHECK(same_for_any_threads(random_tensor(DType::f32, {7, 3000}, 1), [&](Exec& exec, Tensor x) {
    Owned loss(DType::f32, {7});
    cross_entropy(exec, loss, x, x, targets, 0.125);
  }));
}

TEST_CASE("cross_entropy: logits of -inf", "[cross_entropy]") {
  auto exec = make_exec();
  const int64_t vocab = GENERATE(5, 64, 3000);
  Owned logits = random_tensor(DType::f32, {1, vocab}, 1), loss(DType::f32, {1});
  for (int64_t i = 2; i < vocab; ++i) set(logits, i, -INFINITY);
  const double odds = std::exp(at(logits, 1) - at(logits, 0));
  cross_entropy(*exec, loss, logits, logits, int_tensor({1}, {1}), 1.0);
  CHECK(at(loss, 0) == Approx(std::log(1 + 1 / odds)).epsilon(1e-5));
  CHECK(at(logits, 0) == Approx(1 / (1 + odds)).epsilon(1e-5));
  CHECK(at(logits, vocab - 1) == 0);
}

TEST_CASE("cross_entropy: no rows, and a target outside the vocabulary", "[cross_entropy]") {
  auto exec = make_exec();
  Owned none(DType::f32, {0, 4}), no_loss(DType::f32, {0});
  cross_entropy(*exec, no_loss, none, none, Owned(DType::i32, {0}), 1.0);
  const int32_t bad = GENERATE(-100, 4);
  Owned logits(DType::f32, {1, 4}), loss(DType::f32, {1});
  if (exec->backend == Backend::cuda) {
    cross_entropy(*exec, loss, logits, logits, int_tensor({1}, {bad}), 1.0);
    CHECK(std::isnan(at(loss, 0)));
    for (const double gradient : values_of(logits)) CHECK(std::isnan(gradient));
    return;
  }
  CHECK_THROWS_WITH(cross_entropy(*exec, loss, logits, logits, int_tensor({1}, {bad}), 1.0),
                    Catch::Matchers::Contains("target " + std::to_string(bad) + " in row 0"));
}

}  // namespace
}  // namespace sy
