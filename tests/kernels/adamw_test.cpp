// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw/adamw.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// Algorithm 2 of the paper, one number at a time, in float64.
struct Reference {
  std::vector<double> value, first, second;

  explicit Reference(Tensor start)
      : value(values_of(start)), first(value.size()), second(value.size()) {}
  void step(const std::vector<double>& gradient, const AdamWStep& s, double clip) {
    for (size_t i = 0; i < value.size(); ++i) {
      const double g = gradient[i] * clip, t = static_cast<double>(s.step);
      first[i] = s.beta1 * first[i] + (1 - s.beta1) * g;
      second[i] = s.beta2 * second[i] + (1 - s.beta2) * g * g;
      const double m = first[i] / (1 - std::pow(s.beta1, t));
      const double v = second[i] / (1 - std::pow(s.beta2, t));
      value[i] -= s.learning_rate * (m / (std::sqrt(v) + s.epsilon) + s.weight_decay * value[i]);
    }
  }
};

TEST_CASE("adamw: the first step is the learning rate along the gradient's sign", "[adamw]") {
  auto exec = make_exec();
  Owned value = tensor_of(DType::f64, {3}, {1, 1, 1}), first = zeros(DType::f64, {3});
  Owned second = zeros(DType::f64, {3}), grad = tensor_of(DType::f64, {3}, {5, -0.01, 0});
  AdamWStep step;
  step.learning_rate = 0.1;
  adamw(*exec, value, first, second, grad, step);
  CHECK(largest_difference(value, tensor_of(DType::f64, {3}, {0.9, 1.1, 1})) < 1e-6);
}

TEST_CASE("adamw: several steps agree with the paper's algorithm", "[adamw]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t count = GENERATE(0, 1, 100, 1027);
  const double weight_decay = GENERATE(0.0, 0.1), clip = GENERATE(1.0, 0.25);
  auto exec = make_exec();
  Owned value = random_tensor(dtype, {count}, 1);
  Owned first = zeros(dtype, {count}), second = zeros(dtype, {count});
  Reference reference(value);
  Owned factor = clip_tensor(clip);
  AdamWStep step{1e-2, 0.8, 0.95, 1e-6, weight_decay, 0, factor};
  for (step.step = 1; step.step <= 6; ++step.step) {
    Owned grad = random_tensor(dtype, {count}, static_cast<uint64_t>(10 + step.step));
    if (count > 1) set(grad, 1, 0);
    reference.step(values_of(grad), step, clip);
    adamw(*exec, value, first, second, grad, step);
  }
  const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-6;
  CHECK(largest_difference(value, tensor_of(DType::f64, {count}, reference.value)) < tolerance);
  CHECK(largest_difference(first, tensor_of(DType::f64, {count}, reference.first)) < tolerance);
  CHECK(largest_difference(second, tensor_of(DType::f64, {count}, reference.second)) < tolerance);
}

TEST_CASE("adamw: a rounded copy of the new values", "[adamw]") {
  const int64_t count = GENERATE(3, 1024, 1027);
  auto exec = make_exec();
  Owned grad = random_tensor(DType::f32, {count}, 1), value = random_tensor(DType::f32, {count}, 2);
  Owned first = zeros(DType::f32, {count}), second = first, copy(DType::bf16, {count});
  Owned alone = value, alone_first = first, alone_second = second;
  AdamWStep step;
  step.learning_rate = 0.01;
  adamw(*exec, value, first, second, grad, step, copy);
  adamw(*exec, alone, alone_first, alone_second, grad, step);
  CHECK(same_bits(value, alone));
  for (int64_t i = 0; i < count; ++i) {
    const BFloat16 expected(static_cast<float>(at(value, i)));
    CHECK(copy.data<BFloat16>()[i].bits == expected.bits);
  }
}

TEST_CASE("adamw: the same bits for any number of threads", "[adamw]") {
  Owned grad = random_tensor(DType::f32, {1001}, 1);
  CHECK(same_for_any_threads(random_tensor(DType::f32, {1001}, 2), [&](Exec& exec, Tensor value) {
    Owned first = zeros(DType::f32, {1001}), second = zeros(DType::f32, {1001});
    AdamWStep step;
    step.learning_rate = 0.01;
    step.weight_decay = 0.1;
    adamw(exec, value, first, second, grad, step);
  }));
}

TEST_CASE("adamw: the same bits wherever the region begins", "[adamw]") {
  auto exec = make_exec();
  constexpr int64_t kCount = 1030;
  Owned value = random_tensor(DType::f32, {kCount}, 1),
        grad = random_tensor(DType::f32, {kCount}, 2);
  Owned first = zeros(DType::f32, {kCount}), second = zeros(DType::f32, {kCount});
  const auto shifted = [](Owned& x) {
    Owned to(DType::f32, {kCount + 1});
    std::memcpy(to.data<float>() + 1, x.data<float>(), kCount * sizeof(float));
    return to;
  };
  Owned apart_value = shifted(value), apart_grad = shifted(grad);
  Owned apart_first = shifted(first), apart_second = shifted(second);
  AdamWStep step;
  step.learning_rate = 0.1;
  adamw(*exec, value, first, second, grad, step);
  const auto rest = [](Owned& x) { return x.tensor().slice(1, kCount); };
  adamw(*exec, rest(apart_value), rest(apart_first), rest(apart_second), rest(apart_grad), step);
  CHECK(same_bits(value, rest(apart_value)));
  CHECK(same_bits(first, rest(apart_first)));
  CHECK(same_bits(second, rest(apart_second)));
}

TEST_CASE("adamw: a skipped update changes nothing", "[adamw]") {
  auto exec = make_exec();
  Owned value = random_tensor(DType::f32, {70}, 1), kept = value,
        grad = random_tensor(DType::f32, {70}, 2);
  Owned first = random_tensor(DType::f32, {70}, 3), second = random_tensor(DType::f32, {70}, 4);
  Owned kept_first = first, kept_second = second, clip = clip_tensor(0.5, false);
  AdamWStep step;
  step.learning_rate = 0.1;
  step.weight_decay = 0.1;
  step.clip = clip;
  adamw(*exec, value, first, second, grad, step);
  CHECK(same_bits(value, kept));
  CHECK(same_bits(first, kept_first));
  CHECK(same_bits(second, kept_second));
}

TEST_CASE("adamw: wrong arguments", "[adamw]") {
  auto exec = make_exec();
  Owned x(DType::f32, {3}), y(DType::f32, {4});
  AdamWStep step;
  CHECK_THROWS_AS(adamw(*exec, x, x, x, y, step), InternalError);
  step.step = 0;
  CHECK_THROWS_AS(adamw(*exec, x, x, x, x, step), InternalError);
}

}  // namespace
}  // namespace sy
