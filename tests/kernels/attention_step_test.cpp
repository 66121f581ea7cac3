// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention_step.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "kernels/attention/attention.h"
#include "kernels/attention/relative_bucket.h"
#include "tests/kernels/op_test.h"
#include "tests/support/allocations.h"

namespace sy {
namespace {
using namespace test;

constexpr int kMaxDistance = 20;

// Three sequences whose keys are scattered over a cache of kRows rows.
struct StepProblem {
  static constexpr int64_t kSequences = 3, kHeads = 2, kWidth = 9, kRows = 31;
  int64_t d;
  bool biased;
  Owned q, k, v, table, index, lengths, out;

  StepProblem(DType dtype, int64_t d_kv, bool has_bias)
      : d(d_kv),
        biased(has_bias),
        q(random_tensor(dtype, {kSequences, kHeads, d_kv}, 1)),
        k(random_tensor(dtype, {kRows, kHeads, d_kv}, 2)),
        v(random_tensor(dtype, {kRows, kHeads, d_kv}, 3)),
        table(random_tensor(dtype, {8, kHeads}, 4)),
        index(zeros(DType::i32, {kSequences, kWidth})),
        lengths(int_tensor({kSequences}, {kWidth, 1, 4})),
        out(dtype, {kSequences, kHeads, d_kv}) {
    for (int32_t i = 0; i < kSequences * kWidth; ++i) index.data<int32_t>()[i] = 7 * i % kRows;
  }
  Tensor bias() { return biased ? table.tensor() : Tensor(); }
  void forward(Exec& exec, Tensor result) {
    attention_step(exec, result, q, k, v, bias(), index, lengths, kMaxDistance);
  }
};

// The definition.
double expected(StepProblem& p, int64_t b, int64_t h, int64_t c) {
  double total = 0, sum = 0;
  const int32_t keys = p.lengths.data<int32_t>()[b];
  for (int32_t j = 0; j < keys; ++j) {
    const int64_t row =
        (p.index.data<int32_t>()[b * StepProblem::kWidth + j] * StepProblem::kHeads + h) * p.d;
    double score = 0;
    for (int64_t x = 0; x < p.d; ++x) {
      score += at(p.q, (b * StepProblem::kHeads + h) * p.d + x) * at(p.k, row + x);
    }
    const int bucket = relative_bucket(j - (keys - 1), false, 8, kMaxDistance);
    if (p.biased) score += at(p.table, bucket * StepProblem::kHeads + h);
    total += std::exp(score);
    sum += std::exp(score) * at(p.v, row + c);
  }
  return keys == 0 ? 0 : sum / total;
}

// Largest difference of an output from its definition.
double worst_difference(StepProblem& p) {
  double worst = 0;
  for (int64_t i = 0; i < p.out.tensor().numel(); ++i) {
    const int64_t pair = i / p.d;
    const double value =
        expected(p, pair / StepProblem::kHeads, pair % StepProblem::kHeads, i % p.d);
    worst = std::max(worst, std::abs(at(p.out, i) - value));
  }
  return worst;
}

TEST_CASE("attention_step: the definition", "[attention_step]") {
  const DType dtype = GENERATE(DType::f32, DType::f64);
  const int64_t d = GENERATE(1, 5, 64);
  const bool biased = GENERATE(false, true);
  StepProblem p(dtype, d, biased);
  p.lengths.data<int32_t>()[1] = GENERATE(0, 1);
  const auto exec = make_exec();
  p.forward(*exec, p.out);
  CHECK(worst_difference(p) < (dtype == DType::f64 ? 1e-13 : 3e-6));
}

// More columns than a block of the CUDA kernel has threads: it iterates over one buffer
// of shared memory. At even widths a thread reads columns that others wrote.
TEST_CASE("attention_step: the definition for very wide heads", "[attention_step]") {
  StepProblem p(DType::f64, GENERATE(259, 523, 524, 1028), false);
  const auto exec = make_exec();
  p.forward(*exec, p.out);
  CHECK(worst_difference(p) < 1e-12);
}

TEST_CASE("attention_step: bfloat16 sums in float32 and rounds once", "[attention_step]") {
  StepProblem p(DType::f32, GENERATE(5, 64), true);
  const Shape one = p.q.tensor().shape(), cache = p.k.tensor().shape();
  Owned q(DType::bf16, one), out(DType::bf16, one), k(DType::bf16, cache), v(DType::bf16, cache);
  for (auto [rounded, exact] : {std::pair{&q, &p.q}, {&k, &p.k}, {&v, &p.v}}) {
    for (int64_t i = 0; i < exact->tensor().numel(); ++i) {
      set(*rounded, i, at(*exact, i));
      set(*exact, i, at(*rounded, i));
    }
  }
  const auto exec = make_exec();
  p.forward(*exec, p.out);
  attention_step(*exec, out, q, k, v, p.bias(), p.index, p.lengths, kMaxDistance);
  double worst = 0;
  for (int64_t i = 0; i < one.numel(); ++i) {
    worst = std::max(worst, std::abs(at(out, i) - at(p.out, i)) / (std::abs(at(p.out, i)) + 1e-3));
  }
  CHECK(worst < 1.0 / 256);
}

TEST_CASE("attention_step: any threads, no allocation", "[attention_step]") {
  StepProblem p(DType::f32, 16, true);
  CHECK(same_for_any_threads(p.out, [&](Exec& exec, Tensor out) { p.forward(exec, out); }));
  const auto exec = make_exec();
  p.forward(*exec, p.out);
  const int64_t before = allocations().count;
  p.forward(*exec, p.out);
  // The CUDA runtime and its host implementation allocate memory themselves.
  if (test_backend() == Backend::cpu) CHECK(allocations().count == before);
}

// Compares each position with the whole sequence computed at once.
TEST_CASE("attention_step: agrees with causal attention", "[attention_step]") {
  constexpr int64_t kB = 2, kL = 33, kH = 3, kD = 7;
  Owned q = random_tensor(DType::f64, {kB, kL, kH, kD}, 1);
  Owned k = random_tensor(DType::f64, {kB, kL, kH, kD}, 2);
  Owned v = random_tensor(DType::f64, {kB, kL, kH, kD}, 3);
  Owned table = random_tensor(DType::f64, {8, kH}, 4);
  Owned whole(DType::f64, {kB, kL, kH, kD}), log_sum(DType::f64, {kB, kH, kL});
  const auto exec = make_exec();
  AttentionSpec spec;
  spec.causal = true;
  spec.bidirectional = false;
  spec.max_distance = kMaxDistance;
  attention_forward(*exec, whole, log_sum, q, k, v, table, int_tensor({kB}, {kL, kL}), spec);
  std::vector<int32_t> places(kB * kL);
  std::iota(places.begin(), places.end(), 0);
  Owned index = int_tensor({kB, kL}, places);
  const Tensor keys = k.tensor().view({kB * kL, kH, kD}), values = v.tensor().view(keys.shape());
  for (int32_t t = 0; t < kL; ++t) {
    Owned row(DType::f64, {kB, kH, kD}), out(DType::f64, {kB, kH, kD});
    const auto element = [&](int64_t b) { return (b * kL + t) * kH * kD; };
    for (int64_t b = 0; b < kB; ++b) {
      std::copy_n(q.data<double>() + element(b), kH * kD, row.data<double>() + b * kH * kD);
    }
    attention_step(*exec, out, row, keys, values, table, index, int_tensor({kB}, {t + 1, t + 1}),
                   kMaxDistance);
    for (int64_t b = 0; b < kB; ++b) {
      for (int64_t i = 0; i < kH * kD; ++i) {
        CHECK(std::abs(at(out, b * kH * kD + i) - at(whole, element(b) + i)) < 1e-13);
      }
    }
  }
}

TEST_CASE("attention_step: keys outside the cache are detected", "[attention_step]") {
  StepProblem p(DType::f32, 4, true);
  const auto exec = make_exec();
  const auto check_found = [&] {
    if (test_backend() == Backend::cpu) {
      CHECK_THROWS_AS(p.forward(*exec, p.out), InternalError);
      return;
    }
    p.forward(*exec, p.out);
    const int64_t elements = StepProblem::kHeads * p.d;  // of a sequence
    for (int64_t i = 0; i < 2 * elements; ++i) CHECK(std::isnan(at(p.out, i)) == (i < elements));
  };
  p.index.data<int32_t>()[2] = StepProblem::kRows;
  check_found();
  p.index.data<int32_t>()[2] = 0;
  p.lengths.data<int32_t>()[0] = StepProblem::kWidth + 1;
  check_found();
}

}  // namespace
}  // namespace sy
