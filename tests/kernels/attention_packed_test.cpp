// SPDX-License-Identifier: Apache-2.0
// Attention in packed rows: a query sees only its own example of the row.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/attention/relative_bucket.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

// The lengths of an example's queries and keys.
struct Segment {
  int64_t queries, keys;
};
using Row = std::vector<Segment>;

struct Case {
  int64_t lq, lk, d, buckets;  // buckets 0: no bias
  bool causal;
  float dropout;
  bool by_key;
  std::vector<Row> rows;
};

constexpr int64_t kHeads = 2;

// Segments that begin and end in, between, and over tiles of 16, 48 and 64; of one token; rows with
// padding, and without any token.
const std::vector<Row> kSelf = {
    {{1, 1}, {70, 70}, {64, 64}, {3, 3}, {12, 12}}, {{16, 16}, {48, 48}, {1, 1}, {25, 25}}, {}};
// In cross-attention, also a segment without keys.
const std::vector<Row> kCross = {
    {{3, 64}, {60, 1}, {1, 70}, {36, 15}}, {{5, 0}, {40, 90}, {2, 2}}, {}};

// Inputs that are exact in bfloat16, and the results of a call.
struct Problem {
  const Case& c;
  Owned q, k, v, d_out, table, lengths, key_ranges, query_ranges, out, log_sum, d_q, d_k, d_v,
      d_table;
  AttentionSpec spec;

  Problem(const Case& x, DType dtype)
      : c(x),
        q(exact(dtype, queries(), 1, 0.5)),
        k(exact(dtype, keys(), 2, 0.5)),
        v(exact(dtype, keys(), 3, 1.0)),
        d_out(exact(dtype, queries(), 4, 1.0)),
        table(exact(compute_dtype(dtype), {8, kHeads}, 5, 1.0)),
        lengths(zeros(DType::i32, {count()})),
        key_ranges(zeros(DType::i32, {count(), x.lq, 2})),
        query_ranges(zeros(DType::i32, {count(), x.lk, 2})),
        out(dtype, queries()),
        log_sum(compute_dtype(dtype), {count(), kHeads, x.lq}),
        d_q(dtype, queries()),
        d_k(dtype, keys()),
        d_v(dtype, keys()),
        d_table(compute_dtype(dtype), {8, kHeads}) {
    spec.causal = x.causal;
    spec.bidirectional = !x.causal;
    spec.max_distance = 20;
    spec.dropout_rate = x.dropout;
    spec.dropout_by_key = x.by_key;
    spec.dropout_key = {7, 3, 5};
    spec.first_sequence = 11;
    for (int64_t b = 0; b < count(); ++b) fill_ranges(b);
    spec.key_ranges = key_ranges;
    spec.query_ranges = query_ranges;
  }

  int64_t count() const { return std::ssize(c.rows); }
  Shape queries() const { return {count(), c.lq, kHeads, c.d}; }
  Shape keys() const { return {count(), c.lk, kHeads, c.d}; }

  static Owned exact(DType dtype, Shape shape, uint64_t seed, double scale) {
    Owned wide = random_tensor(DType::f32, shape, seed, scale), result(dtype, shape);
    for (int64_t i = 0; i < shape.numel(); ++i) {
      set(result, i, static_cast<double>(float(BFloat16(static_cast<float>(at(wide, i))))));
    }
    return result;
  }

  void fill_ranges(int64_t b) {
    int64_t query = 0, key = 0;
    const auto put_range = [](Owned& to, int64_t place, int64_t first, int64_t end) {
      to.data<int32_t>()[2 * place] = static_cast<int32_t>(first);
      to.data<int32_t>()[2 * place + 1] = static_cast<int32_t>(end);
    };
    for (const Segment& segment : c.rows[static_cast<size_t>(b)]) {
      for (int64_t i = 0; i < segment.queries; ++i) {
        put_range(key_ranges, b * c.lq + query + i, key, key + segment.keys);
      }
      for (int64_t j = 0; j < segment.keys; ++j) {
        put_range(query_ranges, b * c.lk + key + j, query, query + segment.queries);
      }
      query += segment.queries;
      key += segment.keys;
    }
    for (int64_t i = query; i < c.lq; ++i) put_range(key_ranges, b * c.lq + i, key, key);
    for (int64_t j = key; j < c.lk; ++j) put_range(query_ranges, b * c.lk + j, query, query);
    lengths.data<int32_t>()[b] = static_cast<int32_t>(key);
  }

  Tensor bias() { return c.buckets == 0 ? Tensor() : table.tensor(); }
  void forward(Exec& exec) {
    attention_forward(exec, out, log_sum, q, k, v, bias(), lengths, spec);
  }
  void backward(Exec& exec) {
    for (int64_t i = 0; i < d_table.tensor().numel(); ++i) set(d_table, i, 0);
    attention_backward(exec, d_q, d_k, d_v, c.buckets == 0 ? Tensor() : d_table.tensor(), d_out,
                       out, log_sum, q, k, v, bias(), lengths, spec);
  }

  // Element (b, i, h, column) of out by its definition, in float64: a softmax over the keys of the
  // query's segment.
  double definition(int64_t b, int64_t i, int64_t h, int64_t column) {
    int64_t query = 0, key = 0;
    for (const Segment& segment : c.rows[static_cast<size_t>(b)]) {
      if (i < query + segment.queries) return softmax(b, i, h, column, key, key + segment.keys);
      query += segment.queries;
      key += segment.keys;
    }
    return 0;
  }
  double softmax(int64_t b, int64_t i, int64_t h, int64_t column, int64_t first, int64_t end) {
    const auto row = [&](Owned& x, int64_t length, int64_t place) {
      return x.data<double>() + ((b * length + place) * kHeads + h) * c.d;
    };
    double total = 0, result = 0;
    for (int64_t j = first; j < (c.causal ? i + 1 : end); ++j) {
      double score = 0;
      for (int64_t x = 0; x < c.d; ++x) score += row(q, c.lq, i)[x] * row(k, c.lk, j)[x];
      if (c.buckets > 0) {
        const int bucket = relative_bucket(j - i, !c.causal, static_cast<int>(c.buckets), 20);
        score += table.data<double>()[bucket * kHeads + h];
      }
      total += std::exp(score);
      result += std::exp(score) * factor(b, h, i, j) * row(v, c.lk, j)[column];
    }
    return total == 0 ? 0 : result / total;
  }
  double factor(int64_t b, int64_t h, int64_t i, int64_t j) const {
    const int64_t matrix = (11 + b) * kHeads + h;
    const int64_t first = c.by_key ? matrix * ((c.lk + 3) / 4 * 4) : (matrix * c.lq + i) * c.lk;
    const bool kept = random_uniform({7, 3, 5}, static_cast<uint64_t>(first + j)) >= c.dropout;
    return kept ? 1.0 / (1.0 - static_cast<double>(c.dropout)) : 0.0;
  }
};

Case self_case(int64_t d, bool causal, float dropout, bool by_key = false) {
  return {150, 150, d, 8, causal, dropout, by_key, kSelf};
}
Case cross_case(int64_t d, float dropout) {
  return {100, 150, d, 0, false, dropout, false, kCross};
}

// Small enough for a dozen passes in float64 with kernels that are executed on the host.
Case small_case(bool causal, float dropout, bool by_key = false) {
  return {66, 66, 5, 8, causal, dropout, by_key, {{{1, 1}, {20, 20}, {44, 44}}, {}}};
}
Case small_cross_case(float dropout) {
  return {40, 70, 3, 0, false, dropout, false, {{{5, 1}, {16, 50}, {2, 9}}, {{3, 0}, {1, 2}}}};
}

TEST_CASE("attention, packed: the definition, element by element", "[attention]") {
  const Case c = GENERATE(self_case(5, false, 0), small_case(true, 0.25f), small_cross_case(0.25f),
                          small_case(false, 0.25f, true));
  auto exec = make_exec();
  Problem p(c, DType::f64);
  p.forward(*exec);
  double worst = 0;
  for (int64_t index = 0; index < p.out.tensor().numel(); ++index) {
    const int64_t row = index / (kHeads * c.d);
    const double wanted = p.definition(row / c.lq, row % c.lq, index / c.d % kHeads, index % c.d);
    worst = std::max(worst, std::abs(p.out.data<double>()[index] - wanted));
  }
  // Dropout's scale has the float32 precision of its rate.
  CHECK(worst < 1e-12);
}

TEST_CASE("attention, packed: gradients", "[attention]") {
  const Case c = GENERATE(small_case(false, 0.25f), small_case(true, 0), small_cross_case(0));
  // Kernels executed on the host are slow, and the case that is left out is compared below.
  if (test_backend() == Backend::cuda && c.causal) return;
  auto exec = make_exec();
  Problem p(c, DType::f64);
  const auto loss = [&] {
    p.forward(*exec);
    return weighted_sum(p.out, p.d_out);
  };
  loss();
  p.backward(*exec);
  CHECK(gradient_error(p.q, p.d_q, loss) < kGradientTolerance);
  CHECK(gradient_error(p.k, p.d_k, loss) < kGradientTolerance);
  CHECK(gradient_error(p.v, p.d_v, loss) < kGradientTolerance);
  if (c.buckets > 0) CHECK(gradient_error(p.table, p.d_table, loss) < kGradientTolerance);
}

// Largest difference relative to the largest number of `exact`.
double relative_difference(Tensor exact, Tensor x) {
  double largest = 1e-30;
  for (int64_t i = 0; i < exact.numel(); ++i) largest = std::max(largest, std::abs(at(exact, i)));
  return largest_difference(exact, x) / largest;
}

// The kernels in tiles and, for float32 and narrow heads, those without; float64 on the CPU.
TEST_CASE("attention, packed: float32 and bfloat16 agree with float64", "[attention]") {
  const Case c = GENERATE(small_case(true, 0.25f), self_case(32, true, 0.25f),
                          self_case(64, false, 0.25f, true), cross_case(128, 0.25f));
  auto exec = make_exec();
  Exec on_cpu;
  use_backend(on_cpu, Backend::cpu);
  on_cpu.scratch.allocate(int64_t{16} << 20, on_cpu.memory);
  Problem exact(c, DType::f64);
  exact.forward(on_cpu);
  exact.backward(on_cpu);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    if (dtype == DType::f32 && c.d > 32) continue;
    CAPTURE(c.lq, c.d, c.causal, c.dropout, name_of(dtype));
    Problem p(c, dtype);
    p.forward(*exec);
    p.backward(*exec);
    const double bound = dtype == DType::f32 ? 1e-5 : 1.0 / 32;
    const auto check = [&](Owned& wanted, Owned& got) {
      CHECK(relative_difference(wanted, got) < bound);
    };
    check(exact.out, p.out);
    check(exact.log_sum, p.log_sum);
    check(exact.d_q, p.d_q);
    check(exact.d_k, p.d_k);
    check(exact.d_v, p.d_v);
    if (c.buckets > 0) check(exact.d_table, p.d_table);
  }
}

TEST_CASE("attention, packed: ranges of one example give the bits of rows without", "[attention]") {
  const Case c = {70, 70, 32, 8, GENERATE(false, true), 0, false, {{{70, 70}}, {{61, 61}}}};
  auto exec = make_exec();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Problem packed(c, dtype), plain(c, dtype);
    plain.spec.key_ranges = plain.spec.query_ranges = {};
    for (Problem* p : {&packed, &plain}) {
      // Queries in the padding see keys without ranges, and none with them.
      std::fill_n(static_cast<char*>(p->d_out.tensor().at(1).raw()) +
                      61 * p->d_out.tensor().at(1).at(0).bytes(),
                  9 * p->d_out.tensor().at(1).at(0).bytes(), char(0));
      p->forward(*exec);
      p->backward(*exec);
    }
    CHECK(same_bits(packed.out.tensor().at(0), plain.out.tensor().at(0)));
    CHECK(same_bits(packed.out.tensor().at(1).slice(0, 61), plain.out.tensor().at(1).slice(0, 61)));
    CHECK(same_bits(packed.d_k, plain.d_k));
    CHECK(same_bits(packed.d_v, plain.d_v));
    CHECK(same_bits(packed.d_q.tensor().at(0), plain.d_q.tensor().at(0)));
  }
}

TEST_CASE("attention, packed: ranges that are none", "[attention]") {
  const Case c = {4, 4, 5, 0, false, 0, false, {{{2, 2}, {2, 2}}}};
  auto exec = make_exec();
  Problem p(c, DType::f32);
  const auto [place, value] = GENERATE(std::pair(1, 5), std::pair(2, -1), std::pair(5, 1));
  p.key_ranges.data<int32_t>()[place] = value;
  if (test_backend() == Backend::cpu) {
    CHECK_THROWS_AS(p.forward(*exec), InternalError);
  } else {
    p.forward(*exec);  // reads nothing outside the keys
  }
}

}  // namespace
}  // namespace sy
