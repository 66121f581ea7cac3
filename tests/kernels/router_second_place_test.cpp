// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_second_place.h"

#include <catch2/catch.hpp>

#include "lib/tensor/transfer.h"
#include "tests/kernels/router_top2_run.h"

namespace sy {
namespace {
using namespace test;

// Two choices of every token, and the loss of the second ones.
struct SecondPlace : Top2 {
  int64_t groups;
  Owned loss, fraction2;

  SecondPlace(Owned from, const Ints& which, int64_t groups_)
      : Top2(from, which, groups_),
        groups(groups_),
        loss(dtype(), {1}),
        fraction2(dtype(), {groups, experts}) {
    rule.policy = SecondPolicy::none;
  }
  double forward(Exec& exec) {
    Top2::forward(exec);
    router_second_place_forward(exec, loss, fraction2, probs, valid, expert, second);
    synchronize(exec);
    return at(loss, 0);
  }
};

// M's formulas: m2 before the policy, and p' / (sum p' + 1e-9).
double plain_loss(SecondPlace& run) {
  const int64_t size = run.tokens / run.groups;
  double total = 0;
  for (int64_t g = 0; g < run.groups; ++g) {
    std::vector<double> density(static_cast<size_t>(run.experts)), proxy = density;
    double valid = 0;
    for (int64_t t = g * size; t < (g + 1) * size; ++t) {
      const int64_t i1 = run.expert.data<int32_t>()[2 * t], i2 = run.second.data<int32_t>()[t];
      if (i1 < 0) continue;
      valid += 1;
      density[static_cast<size_t>(i2)] += 1;
      double others = 1e-9;
      for (int64_t e = 0; e < run.experts; ++e) {
        if (e != i1) others += at(run.probs, t * run.experts + e);
      }
      for (int64_t e = 0; e < run.experts; ++e) {
        if (e != i1) proxy[static_cast<size_t>(e)] += at(run.probs, t * run.experts + e) / others;
      }
    }
    for (size_t e = 0; e < density.size() && valid > 0; ++e) {
      total += static_cast<double>(run.experts) * density[e] / valid * proxy[e] / valid;
    }
  }
  return total;
}

Ints some_padding(int64_t tokens) {
  Ints valid;
  for (int64_t t = 0; t < tokens; ++t) valid.push_back(t % 5 == 2 ? 0 : 1);
  return valid;
}

// With two experts the other one has all that the first leaves: the loss is 2 (f0^2 + f1^2).
TEST_CASE("router_second_place: two experts", "[router_second_place]") {
  auto exec = make_exec();
  Owned logits = tensor_of(DType::f64, {4, 2}, {1, 0, 2, 0, 3, 0, 0, 1});
  SecondPlace run(logits, {1, 1, 1, 1}, 1);
  CHECK(run.forward(*exec) ==
        Approx(2 * (0.75 * 0.75 + 0.25 * 0.25)).epsilon(1e-7));  // of 1e-9 beside 0.05
  CHECK(values_of(run.fraction2) == std::vector<double>{0.25, 0.75});
}

TEST_CASE("router_second_place: the loss of the formulas", "[router_second_place]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t experts = GENERATE(3, 40, 300), groups = GENERATE(1, 3);
  Owned logits = random_tensor(dtype, {groups * 41, experts}, 1);
  Ints valid = some_padding(groups * 41);
  if (groups == 3) std::fill(valid.begin(), valid.begin() + 41, 0);
  SecondPlace run(logits, valid, groups);
  const double loss = run.forward(*exec);
  CHECK(loss == Approx(plain_loss(run)).epsilon(dtype == DType::f64 ? 1e-12 : 1e-5));
}

TEST_CASE("router_second_place: gradients", "[router_second_place]") {
  auto exec = make_exec();
  const int64_t experts = GENERATE(3, 40);
  const Shape shape{26, experts};
  Owned logits = random_tensor(DType::f64, shape, 1), d_logits(DType::f64, shape);
  SecondPlace run(logits, some_padding(26), 2);
  const auto loss = [&] { return 0.7 * run.forward(*exec); };
  loss();
  for (int64_t i = 0; i < shape.numel(); ++i) set(d_logits, i, 0.5);
  router_second_place_backward(*exec, d_logits, run.fraction2, run.probs, run.valid, run.expert,
                               run.second, 0.7);
  synchronize(*exec);
  for (int64_t i = 0; i < shape.numel(); ++i) set(d_logits, i, at(d_logits, i) - 0.5);
  CHECK(gradient_error(run.logits, d_logits, loss) < kGradientTolerance);
  CHECK(at(d_logits, 2 * experts) == 0);  // padding
}

TEST_CASE("router_second_place: any number of threads, and faults", "[router_second_place]") {
  SecondPlace run(random_tensor(DType::f32, {64, 8}, 1), some_padding(64), 2);
  auto exec = make_exec();
  run.forward(*exec);
  CHECK(same_for_any_threads(Owned(DType::f32, {64, 8}), [&](Exec& of, Tensor out) {
    router_second_place_backward(of, out, run.fraction2, run.probs, run.valid, run.expert,
                                 run.second, 0.7);
  }));
  Owned other(DType::f32, {3, 8});
  CHECK_THROWS_AS(router_second_place_forward(*exec, run.loss, other, run.probs, run.valid,
                                              run.expert, run.second),
                  InternalError);
}

}  // namespace
}  // namespace sy
