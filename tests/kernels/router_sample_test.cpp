// SPDX-License-Identifier: Apache-2.0
#include "kernels/router/router_sample.h"

#include <catch2/catch.hpp>

#include "kernels/router/router.h"
#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr RandomKey kKey{31, 32, 33};

TEST_CASE("router_sample: scores by their definition, at the element's global place",
          "[router_sample]") {
  auto exec = make_exec();
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t rows = 7, experts = GENERATE(1, 5, 33), first = GENERATE(0, 3000000001);
  Owned logits = random_tensor(dtype, {rows, experts}, 1), scores(dtype, {rows, experts});
  router_sample(*exec, scores, logits, 2.0f, kKey, first);
  double worst = 0;
  for (int64_t i = 0; i < rows * experts; ++i) {
    const uint32_t word = random_word(kKey, static_cast<uint64_t>(first * experts + i));
    const double u = (static_cast<double>(word >> 9) + 0.5) / 8388608.0;
    worst = std::max(worst, std::abs(at(scores, i) - at(logits, i) / 2 + std::log(-std::log(u))));
  }
  CHECK(worst < (dtype == DType::f32 ? 2e-5 : 1e-12));
  Owned in_place = logits;
  router_sample(*exec, in_place, in_place, 2.0f, kKey, first);
  synchronize(*exec);
  CHECK(same_bits(in_place, scores));
}

TEST_CASE("router_sample: the extreme draws are finite", "[router_sample]") {
  for (const uint32_t word : {0u, 0xFFFFFFFFu}) {
    CHECK(std::isfinite(std::log(-std::log(open_uniform(word)))));
  }
}

// Chi-square of the experts that the largest scores choose, against softmax(logits / T).
TEST_CASE("router_sample: experts are drawn from the softmax", "[router_sample]") {
  auto exec = make_exec();
  constexpr int64_t kTokens = 4000, kExperts = 4;
  const double temperature = GENERATE(1.0, 2.5);
  const std::vector<double> row{0.5, -1.0, 1.5, 0.0};
  std::vector<double> all;
  for (int64_t t = 0; t < kTokens; ++t) all.insert(all.end(), row.begin(), row.end());
  Owned logits = tensor_of(DType::f32, {kTokens, kExperts}, all), scores = logits, probs = logits;
  router_sample(*exec, scores, logits, static_cast<float>(temperature), kKey, 9);
  Owned gate(DType::f32, {kTokens, 1}), log_sum(DType::f32, {kTokens}), losses(DType::f32, {2});
  Owned expert(DType::i32, {kTokens, 1}), fraction(DType::f32, {1, kExperts}), mean = fraction;
  Owned valid = int_tensor({kTokens}, std::vector<int32_t>(kTokens, 1));
  router_forward(*exec, probs, gate, log_sum, expert, fraction, mean, losses, logits, valid,
                 scores);
  double total = 0, plain = 0, squares = 0;
  for (const double h : row) total += std::exp(h / temperature), plain += std::exp(h);
  for (int64_t e = 0; e < kExperts; ++e) {
    const double expected = std::exp(row[static_cast<size_t>(e)] / temperature) / total;
    const double difference = at(fraction, e) - expected;
    squares += static_cast<double>(kTokens) * difference * difference / expected;
  }
  CHECK(squares < 21.1);  // 3 degrees of freedom: exceeded once in 10,000
  // The gate is the probability at temperature 1.
  for (int64_t t = 0; t < 20; ++t) {
    const auto chosen = static_cast<size_t>(expert.data<int32_t>()[t]);
    CHECK(at(gate, t) == Approx(std::exp(row[chosen]) / plain));
  }
}

TEST_CASE("router_sample: the same bits for any number of threads", "[router_sample]") {
  Owned logits = random_tensor(DType::f32, {100, 13}, 1);
  CHECK(same_for_any_threads(
      logits, [&](Exec& exec, Tensor out) { router_sample(exec, out, logits, 1.0f, kKey, 3); }));
}

}  // namespace
}  // namespace sy
