// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/grouped_gemm.h"

#include <catch2/catch.hpp>
#include <limits>
#include <numeric>

#include "lib/tensor/transfer.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Case {
  std::vector<std::vector<int32_t>> counts;  // by source
  int64_t first, groups, behind, k, n;

  int32_t rows(int64_t group) const {
    int32_t sum = 0;
    for (const auto& source : counts) sum += source[static_cast<size_t>(first + group)];
    return sum;
  }
  std::vector<int32_t> known() const {
    std::vector<int32_t> all;
    for (int64_t group = 0; group < groups; ++group) all.push_back(rows(group));
    return all;
  }
  int64_t filled() const {
    const std::vector<int32_t> all = known();
    return std::accumulate(all.begin(), all.end(), int64_t{0});
  }
};

// Groups that are empty, of one row, of all rows, and larger than a tile; widths that are and are
// not multiples of 8.
std::vector<Case> cases() {
  return {{{{3, 0, 5, 1}}, 0, 4, 2, 7, 5},
          {{{1, 2, 30, 4}, {0, 3, 35, 0}}, 1, 2, 3, 33, 34},
          {{{0, 33, 0}}, 0, 3, 0, 16, 8},
          {{{0, 0}}, 0, 2, 4, 8, 40},
          {{{130, 1, 0, 40}}, 0, 4, 9, 72, 136},
          {{{2, 3}, {1, 0}, {4, 70}}, 1, 1, 5, 24, 16},
          {{{5, 6}}, 0, 2, 1, 0, 8}};
}

Owned drawn(DType dtype, Shape shape, uint64_t seed) {
  Owned wide = random_tensor(DType::f64, shape, seed), x(dtype, shape);
  for (int64_t i = 0; i < shape.numel(); ++i) set(x, i, at(wide, i));
  return x;
}

// The op on random operands, and the same in float64; rows that belong to no group start as NaN.
struct Trial {
  const Case& of;
  GemmOptions options;
  Owned counts, a, b, c, before;
  std::vector<int32_t> known;

  static Owned counts_of(const Case& of) {
    std::vector<int32_t> flat;
    for (const auto& source : of.counts) flat.insert(flat.end(), source.begin(), source.end());
    return int_tensor({std::ssize(of.counts), std::ssize(of.counts[0])}, flat);
  }
  Owned rows_of(DType dtype, int64_t cols, uint64_t seed, bool poisoned) const {
    Owned x = drawn(dtype, {of.filled() + of.behind, cols}, seed);
    for (int64_t i = of.filled() * cols; poisoned && i < x.tensor().numel(); ++i) set(x, i, kNan);
    return x;
  }
  Owned matrices_of(DType dtype, uint64_t seed) const {
    const bool transposed = options.transpose_b;
    return drawn(dtype, {of.groups, transposed ? of.n : of.k, transposed ? of.k : of.n}, seed);
  }

  Trial(const Case& of_, GemmOptions options_, DType in, DType out)
      : of(of_),
        options(options_),
        counts(counts_of(of)),
        a(rows_of(in, of.k, 1, true)),
        b(options.transpose_a ? rows_of(in, of.n, 2, true) : matrices_of(in, 2)),
        c(options.transpose_a ? matrices_of(out, 3) : rows_of(out, of.n, 3, false)),
        before(c),
        known(of.known()) {}

  RowGroups groups() {
    auto exec = make_exec();
    const bool by_group = grouped_gemm_by_group(*exec, a.tensor().dim(0), of.groups);
    return {counts, of.first, of.groups,
            by_group ? std::span<const int32_t>(known) : std::span<const int32_t>()};
  }
  double element_of_b(int64_t group, int64_t p, int64_t j) {
    const int64_t place = options.transpose_b ? j * of.k + p : p * of.n + j;
    return at(b, group * of.k * of.n + place);
  }
  double finished(double sum, int64_t place) {
    if (options.accumulate) sum += at(before, place);
    return options.relu ? std::max(sum, 0.0) : sum;
  }
  // The largest |op - definition|, less what rounding may change in bfloat16 results.
  double worst() {
    double worst = 0;
    const auto compare = [&](int64_t place, double expected) {
      const double got = at(c, place),
                   round = c.tensor().dtype() == DType::bf16 ? std::abs(expected) * 0x1.01p-8 : 0;
      const double error = std::abs(got - expected) - round;
      worst = error >= 0 || error < 0 ? std::max(worst, error) : INFINITY;
    };
    int64_t first = 0;
    for (int64_t group = 0; group < of.groups; first += of.rows(group++)) {
      if (options.transpose_a) {
        compare_weights(group, first, compare);
      } else {
        compare_rows(group, first, compare);
      }
    }
    return worst;
  }
  template <class Compare>
  void compare_rows(int64_t group, int64_t first, const Compare& compare) {
    for (int64_t i = first; i < first + of.rows(group); ++i) {
      for (int64_t j = 0; j < of.n; ++j) {
        double sum = 0;
        for (int64_t p = 0; p < of.k; ++p) sum += at(a, i * of.k + p) * element_of_b(group, p, j);
        compare(i * of.n + j, finished(sum, i * of.n + j));
      }
    }
  }
  template <class Compare>
  void compare_weights(int64_t group, int64_t first, const Compare& compare) {
    for (int64_t i = 0; i < of.k; ++i) {
      for (int64_t j = 0; j < of.n; ++j) {
        double sum = 0;
        for (int64_t r = first; r < first + of.rows(group); ++r) {
          sum += at(a, r * of.k + i) * at(b, r * of.n + j);
        }
        const int64_t place = (group * of.k + i) * of.n + j;
        compare(place, finished(sum, place));
      }
    }
  }
  bool behind_is(bool cleared) {
    for (int64_t i = of.filled() * of.n; i < c.tensor().numel(); ++i) {
      if (at(c, i) != (cleared ? 0.0 : at(before, i))) return false;
    }
    return true;
  }
};

double tolerance_of(DType dtype) {
  return dtype == DType::f64 ? 1e-12 : 1e-4;
}

TEST_CASE("grouped_gemm: rows against the definition", "[grouped_gemm]") {
  const auto [in, out] =
      GENERATE(std::pair{DType::f32, DType::f32}, std::pair{DType::f64, DType::f64},
               std::pair{DType::bf16, DType::bf16}, std::pair{DType::bf16, DType::f32});
  const bool transpose_b = GENERATE(false, true);
  const auto [accumulate, relu] =
      GENERATE(std::pair{false, false}, std::pair{true, false}, std::pair{false, true});
  for (const Case& of : cases()) {
    auto exec = make_exec(2, 34);
    Trial trial(of, {false, transpose_b, accumulate, relu}, in, out);
    const RowGroups groups = trial.groups();
    grouped_gemm(*exec, trial.c, trial.a, trial.b, groups, trial.options);
    synchronize(*exec);
    CAPTURE(of.k, of.n, of.filled());
    CHECK(trial.worst() < tolerance_of(in));
    CHECK(trial.behind_is(groups.known.empty() && !accumulate));
  }
}

TEST_CASE("grouped_gemm: weights against the definition", "[grouped_gemm]") {
  const auto [in, out] =
      GENERATE(std::pair{DType::f32, DType::f32}, std::pair{DType::f64, DType::f64},
               std::pair{DType::bf16, DType::f32});
  for (const Case& of : cases()) {
    auto exec = make_exec(2, 34);
    Trial trial(of, {.transpose_a = true, .accumulate = true}, in, out);
    grouped_gemm(*exec, trial.c, trial.a, trial.b, trial.groups(), trial.options);
    synchronize(*exec);
    CAPTURE(of.k, of.n, of.filled());
    CHECK(trial.worst() < tolerance_of(in));
  }
}

// Sizes for which CUDA too runs one GEMM per group, because cuBLASLt's instructions are faster than
// the kernel's (not on compute capability 8.x); and a single group.
TEST_CASE("grouped_gemm: known sizes, group by group", "[grouped_gemm]") {
  auto exec = make_exec(2, 34);
  CHECK(grouped_gemm_by_group(*exec, 100, 1));
  const Case of{{{2600, 1530}}, 0, 2, 2, 8, 16};
  const DType dtype = GENERATE(DType::f32, DType::bf16);
  Trial rows(of, {.transpose_b = true}, dtype, dtype);
  Trial weights(of, {.transpose_a = true, .accumulate = true}, dtype, DType::f32);
  for (Trial* trial : {&rows, &weights}) {
    grouped_gemm(*exec, trial->c, trial->a, trial->b, trial->groups(), trial->options);
    synchronize(*exec);
    CHECK(trial->worst() < 1e-3);
  }
  CHECK(rows.groups().known.empty() != grouped_gemm_by_group(*exec, 4132, 2));
}

TEST_CASE("grouped_gemm: a group of so many rows takes these GEMMs", "[grouped_gemm]") {
  CHECK(gemms_of_group(31) == std::vector<int64_t>{31});
  CHECK(gemms_of_group(32) == std::vector<int64_t>{28, 4});
  CHECK(gemms_of_group(200) == std::vector<int64_t>{184, 16});  // 192 to 223 take one of 192
}

TEST_CASE("grouped_gemm: rejects mismatched arguments", "[grouped_gemm]") {
  auto exec = make_exec();
  Owned a = zeros(DType::f32, {6, 3}), b = zeros(DType::f32, {2, 3, 5}),
        c = zeros(DType::f32, {6, 5});
  Owned counts = int_tensor({1, 2}, {2, 4}), wide = zeros(DType::f32, {2, 4, 5});
  const std::vector<int32_t> known{2, 4}, few{6};
  const auto run = [&](Tensor weights, RowGroups groups, GemmOptions options) {
    grouped_gemm(*exec, c, a, weights, groups, options);
  };
  run(b, {counts, 0, 2, known}, {});
  CHECK_THROWS_AS(run(wide, {counts, 0, 2, known}, {}), InternalError);
  CHECK_THROWS_AS(run(b, {counts, 1, 2, known}, {}), InternalError);
  CHECK_THROWS_AS(run(b, {counts, 0, 1, few}, {}), InternalError);
  CHECK_THROWS_AS(run(b, {counts, 0, 2, known}, {.transpose_a = true}), InternalError);
  CHECK_THROWS_AS(run(b, {counts, 0, 2, known}, {.accumulate = true, .relu = true}), InternalError);
  if (exec->backend == Backend::cpu) {
    CHECK_THROWS_AS(run(b, {counts, 0, 2, few}, {}), InternalError);
  }
}

}  // namespace
}  // namespace sy
