// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention/attention.h"

#include <simdjson.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <tuple>

#include "kernels/attention/relative_bucket.h"
#include "kernels/cpu/vector_math.h"
#include "tests/kernels/op_test.h"
#include "tests/support/allocations.h"
#include "tests/support/gradcheck.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;

struct Case {
  int64_t b, h, lq, lk, d, buckets;  // buckets 0: no bias
  bool causal;
  float dropout;
};

// Inputs and outputs of one call.
struct Problem {
  Case c;
  Owned q, k, v, table, lengths, out, log_sum;
  AttentionSpec spec;

  Problem(const Case& x, DType dtype)
      : c(x),
        q(random_tensor(dtype, {x.b, x.lq, x.h, x.d}, 1, 0.7)),
        k(random_tensor(dtype, {x.b, x.lk, x.h, x.d}, 2, 0.7)),
        v(random_tensor(dtype, {x.b, x.lk, x.h, x.d}, 3)),
        table(random_tensor(dtype, {std::max<int64_t>(x.buckets, 1), x.h}, 4)),
        lengths(zeros(DType::i32, {x.b})),
        out(dtype, {x.b, x.lq, x.h, x.d}),
        log_sum(dtype, {x.b, x.h, x.lq}) {
    spec.causal = x.causal;
    spec.bidirectional = !x.causal;
    spec.max_distance = 20;
    spec.dropout_rate = x.dropout;
    spec.dropout_key = {7, 3, 5};
    spec.first_sequence = 11;
    // First all keys, then a shorter sequence, then none.
    const int64_t kinds[3] = {x.lk, std::max<int64_t>(1, x.lk - 2), 0};
    for (int64_t i = 0; i < x.b; ++i)
      lengths.data<int32_t>()[i] = static_cast<int32_t>(kinds[i % 3]);
  }
  Tensor bias() { return c.buckets == 0 ? Tensor() : table.tensor(); }
  void forward(Exec& exec) {
    attention_forward(exec, out, log_sum, q, k, v, bias(), lengths, spec);
  }
};

struct Gradients {
  Owned d_q, d_k, d_v, d_table;

  explicit Gradients(Problem& p)
      : d_q(p.q.tensor().dtype(), p.q.tensor().shape()),
        d_k(p.q.tensor().dtype(), p.k.tensor().shape()),
        d_v(p.q.tensor().dtype(), p.v.tensor().shape()),
        d_table(zeros(p.q.tensor().dtype(), p.table.tensor().shape())) {}
  void backward(Exec& exec, Problem& p, Tensor d_out) {
    attention_backward(exec, d_q, d_k, d_v, p.c.buckets == 0 ? Tensor() : d_table.tensor(), d_out,
                       p.out, p.log_sum, p.q, p.k, p.v, p.bias(), p.lengths, p.spec);
  }
  std::vector<Tensor> all() { return {d_q, d_k, d_v, d_table}; }
};

// The definition, element by element, for float64 problems.
double output(Problem& p, int64_t b, int64_t h, int64_t i, int64_t col) {
  const Case& c = p.c;
  std::vector<double> weight;
  double total = 0, result = 0;
  for (int64_t j = 0; j < p.lengths.data<int32_t>()[b]; ++j) {
    if (c.causal && j > i) break;
    double score = 0;
    for (int64_t x = 0; x < c.d; ++x) {
      score += p.q.data<double>()[((b * c.lq + i) * c.h + h) * c.d + x] *
               p.k.data<double>()[((b * c.lk + j) * c.h + h) * c.d + x];
    }
    if (c.buckets > 0) {
      const int bucket = relative_bucket(j - i, !c.causal, static_cast<int>(c.buckets), 20);
      score += p.table.data<double>()[bucket * c.h + h];
    }
    weight.push_back(std::exp(score));
    total += weight.back();
  }
  for (size_t j = 0; j < weight.size(); ++j) {
    const int64_t matrix = (11 + b) * c.h + h, blocks = (c.lk + 3) / 4;
    const int64_t first = p.spec.dropout_by_key ? matrix * 4 * blocks : (matrix * c.lq + i) * c.lk;
    const uint64_t element = static_cast<uint64_t>(first) + j;
    const bool kept = random_uniform({7, 3, 5}, element) >= c.dropout;
    const double factor = kept ? 1.0 / (1.0 - static_cast<double>(c.dropout)) : 0.0;
    result += weight[j] / total * factor *
              p.v.data<double>()[((b * c.lk + static_cast<int64_t>(j)) * c.h + h) * c.d + col];
  }
  return result;
}

const Case kCases[] = {
    {3, 2, 7, 7, 5, 8, false, 0.0f},     {2, 3, 9, 9, 4, 6, true, 0.0f},
    {2, 1, 5, 11, 3, 0, false, 0.0f},    {2, 2, 8, 8, 6, 8, false, 0.25f},
    {1, 2, 61, 61, 8, 32, true, 0.1f},   {1, 1, 1, 1, 1, 4, true, 0.0f},
    {2, 1, 99, 103, 20, 8, false, 0.0f}, {2, 1, 4, 6, 70, 0, false, 0.1f},
};

double worst_output(Problem& p) {
  const Case& c = p.c;
  double worst = 0;
  for (int64_t index = 0; index < p.out.tensor().numel(); ++index) {
    const int64_t col = index % c.d, h = index / c.d % c.h, i = index / (c.d * c.h) % c.lq;
    const int64_t b = index / (c.d * c.h * c.lq);
    worst = std::max(worst, std::abs(p.out.data<double>()[index] - output(p, b, h, i, col)));
  }
  return worst;
}

TEST_CASE("attention: the definition, element by element", "[attention]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  auto exec = make_exec();
  Problem p(c, DType::f64);
  p.forward(*exec);
  // Dropout's scale has the float32 precision of its rate.
  CHECK(worst_output(p) < 1e-12);
}

TEST_CASE("attention: one mask for all queries of a head", "[attention]") {
  const Case c = GENERATE(Case{2, 2, 8, 8, 6, 8, false, 0.25f}, Case{2, 2, 7, 7, 5, 8, true, 0.25f},
                          Case{2, 1, 4, 6, 3, 0, false, 0.5f});
  auto exec = make_exec();
  Problem p(c, DType::f64);
  p.spec.dropout_by_key = true;
  Owned weight = random_tensor(DType::f64, p.out.tensor().shape(), 9);
  const auto loss = [&] {
    p.forward(*exec);
    return weighted_sum(p.out, weight);
  };
  loss();
  CHECK(worst_output(p) < 1e-12);
  Gradients g(p);
  g.backward(*exec, p, weight);
  CHECK(gradient_error(p.q, g.d_q, loss) < kGradientTolerance);
  CHECK(gradient_error(p.k, g.d_k, loss) < kGradientTolerance);
  CHECK(gradient_error(p.v, g.d_v, loss) < kGradientTolerance);
}

TEST_CASE("attention: gradients", "[attention]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  auto exec = make_exec();
  Problem p(c, DType::f64);
  Owned weight = random_tensor(DType::f64, p.out.tensor().shape(), 9);
  const auto loss = [&] {
    p.forward(*exec);
    return weighted_sum(p.out, weight);
  };
  loss();
  Gradients g(p);
  g.backward(*exec, p, weight);
  CHECK(gradient_error(p.q, g.d_q, loss) < kGradientTolerance);
  CHECK(gradient_error(p.k, g.d_k, loss) < kGradientTolerance);
  CHECK(gradient_error(p.v, g.d_v, loss) < kGradientTolerance);
  if (c.buckets == 0) return;
  CHECK(gradient_error(p.table, g.d_table, loss) < kGradientTolerance);
  // Only the table's gradient accumulates.
  const Owned table_once = g.d_table, q_once = g.d_q;
  loss();
  g.backward(*exec, p, weight);
  for (int64_t i = 0; i < g.d_table.tensor().numel(); ++i) {
    CHECK(g.d_table.data<double>()[i] ==
          Approx(2 * Owned(table_once).data<double>()[i]).margin(1e-12));
  }
  for (int64_t i = 0; i < g.d_q.tensor().numel(); ++i) {
    CHECK(g.d_q.data<double>()[i] == Owned(q_once).data<double>()[i]);
  }
}

// The bias table's gradient by its definition: for every pair of query and key, the gradient of its
// score, added to the entry for the pair's distance.
std::vector<double> bias_gradient(Problem& p, Tensor d_out) {
  const Case& c = p.c;
  std::vector<double> gradient(static_cast<size_t>(c.buckets * c.h));
  const auto row = [&](Tensor x, int64_t length, int64_t b, int64_t i, int64_t h) {
    return x.data<double>() + ((b * length + i) * c.h + h) * c.d;
  };
  const auto dot = [&](const double* x, const double* y) {
    double sum = 0;
    for (int64_t n = 0; n < c.d; ++n) sum += x[n] * y[n];
    return sum;
  };
  std::vector<double> share(static_cast<size_t>(c.lk)), d_share(share.size());
  for (int64_t at = 0; at < c.b * c.h * c.lq; ++at) {
    const int64_t i = at % c.lq, h = at / c.lq % c.h, b = at / (c.lq * c.h);
    int64_t keys = p.lengths.data<int32_t>()[b];
    if (c.causal) keys = std::min(keys, i + 1);
    const auto entry = [&](int64_t j) {
      return relative_bucket(j - i, !c.causal, static_cast<int>(c.buckets), p.spec.max_distance) *
                 c.h +
             h;
    };
    double total = 0, mean = 0;
    for (int64_t j = 0; j < keys; ++j) {
      const size_t n = static_cast<size_t>(j);
      share[n] = std::exp(dot(row(p.q, c.lq, b, i, h), row(p.k, c.lk, b, j, h)) +
                          p.table.data<double>()[entry(j)]);
      total += share[n];
      d_share[n] = dot(row(d_out, c.lq, b, i, h), row(p.v, c.lk, b, j, h));
    }
    for (size_t n = 0; n < static_cast<size_t>(keys); ++n) mean += share[n] / total * d_share[n];
    for (int64_t j = 0; j < keys; ++j) {
      const size_t n = static_cast<size_t>(j);
      gradient[static_cast<size_t>(entry(j))] += share[n] / total * (d_share[n] - mean);
    }
  }
  return gradient;
}

// Up to T5's length and one distance beyond it: 1021, 1023 and 1024 distances, most of them beyond
// the start of the last bucket.
TEST_CASE("attention: the bias's gradient at T5's lengths", "[attention]") {
  const auto [lq, lk, causal] = GENERATE(std::tuple<int64_t, int64_t, bool>(511, 511, false),
                                         std::tuple<int64_t, int64_t, bool>(512, 512, true),
                                         std::tuple<int64_t, int64_t, bool>(512, 512, false),
                                         std::tuple<int64_t, int64_t, bool>(512, 513, false));
  auto exec = make_exec();
  Problem exact({1, 2, lq, lk, 4, 32, causal, 0.0f}, DType::f64);
  exact.spec.max_distance = 128;
  Owned d_out = random_tensor(DType::f64, exact.out.tensor().shape(), 9);
  const std::vector<double> wanted = bias_gradient(exact, d_out);
  for (const DType dtype : {DType::f64, DType::f32}) {
    Problem p(exact.c, dtype);
    p.spec.max_distance = 128;
    Gradients g(p);
    p.forward(*exec);
    g.backward(*exec, p, random_tensor(dtype, p.out.tensor().shape(), 9));
    double worst = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      worst = std::max(worst, std::abs(at(g.d_table, static_cast<int64_t>(i)) - wanted[i]));
    }
    CAPTURE(lq, lk, causal, dtype == DType::f64);
    CHECK(worst < (dtype == DType::f64 ? 1e-11 : 1e-3));
  }
}

TEST_CASE("attention: float32 agrees, and bits do not depend on threads", "[attention]") {
  const Case c{2, 3, 70, 70, 16, 32, GENERATE(false, true), 0.1f};
  Problem exact(c, DType::f64);
  Gradients exact_gradients(exact);
  auto exec = make_exec();
  exact.forward(*exec);
  exact_gradients.backward(*exec, exact, random_tensor(DType::f64, exact.out.tensor().shape(), 9));
  std::vector<Tensor> wanted = exact_gradients.all();
  wanted.insert(wanted.end(), {exact.out, exact.log_sum});
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    auto mine = make_exec(threads);
    Problem p(c, DType::f32);
    Gradients g(p);
    p.forward(*mine);
    g.backward(*mine, p, random_tensor(DType::f32, p.out.tensor().shape(), 9));
    std::vector<Tensor> results = g.all();
    results.insert(results.end(), {p.out, p.log_sum});
    double worst = 0;
    std::vector<float> bits;
    for (size_t t = 0; t < results.size(); ++t) {
      for (int64_t i = 0; i < results[t].numel(); ++i) {
        bits.push_back(results[t].data<float>()[i]);
        worst = std::max(worst, std::abs(bits.back() - wanted[t].data<double>()[i]));
      }
    }
    CHECK(worst < 2e-5);
    if (threads == 1) first = bits;
    CHECK(bits == first);
  }
}

// Heads [first, first + count) of x [B, L, H, d].
Owned some_heads(Tensor x, int64_t first, int64_t count) {
  Owned part(x.dtype(), {x.dim(0), x.dim(1), count, x.dim(3)});
  for (int64_t row = 0; row < x.dim(0) * x.dim(1); ++row) {
    std::copy_n(x.data<float>() + (row * x.dim(2) + first) * x.dim(3), count * x.dim(3),
                part.data<float>() + row * count * x.dim(3));
  }
  return part;
}

TEST_CASE("attention: a rank with some heads draws the same as one with all", "[attention]") {
  auto exec = make_exec();
  Problem whole({2, 4, 9, 9, 6, 0, false, 0.3f}, DType::f32);
  whole.forward(*exec);
  Problem part({2, 2, 9, 9, 6, 0, false, 0.3f}, DType::f32);
  part.q = some_heads(whole.q, 2, 2);
  part.k = some_heads(whole.k, 2, 2);
  part.v = some_heads(whole.v, 2, 2);
  part.spec.first_head = 2;
  part.spec.num_heads = 4;
  part.forward(*exec);
  Owned wanted = some_heads(whole.out, 2, 2);
  for (int64_t i = 0; i < wanted.tensor().numel(); ++i) {
    CHECK(part.out.data<float>()[i] == wanted.data<float>()[i]);
  }
}

TEST_CASE("attention: planned scratch suffices, and calls allocate nothing", "[attention]") {
  const Case c{2, 2, 50, 50, 16, 32, true, 0.1f};
  Problem p(c, DType::f32);
  Gradients g(p);
  Owned d_out = random_tensor(DType::f32, p.out.tensor().shape(), 9);
  Exec exec;
  use_test_backend(exec);
  exec.threads = 2;
  exec.planning = true;
  p.forward(exec);
  g.backward(exec, p, d_out);
  exec.planning = false;
  exec.scratch.allocate(exec.scratch.high_water(), exec.memory);
  p.forward(exec);
  g.backward(exec, p, d_out);
  const Allocations before = allocations();
  p.forward(exec);
  g.backward(exec, p, d_out);
  // The CUDA runtime and its host implementation allocate memory themselves.
  if (test_backend() == Backend::cpu) {
    CHECK(allocations().bytes - before.bytes < 1024);  // the shapes of views
  }
  CHECK(exec.scratch.high_water() == exec.scratch.capacity());
  CHECK(exec.scratch.top() == 0);
}

TEST_CASE("attention: rejects mismatched arguments and propagates NaN", "[attention]") {
  auto exec = make_exec();
  Problem p({1, 1, 4, 4, 3, 4, false, 0.0f}, DType::f32);
  p.lengths.data<int32_t>()[0] = 5;
  if (test_backend() == Backend::cpu) {
    CHECK_THROWS_AS(p.forward(*exec), InternalError);
  } else {
    p.forward(*exec);
    CHECK(std::isnan(p.out.data<float>()[0]));
    CHECK(std::isnan(p.log_sum.data<float>()[0]));
  }
  p.lengths.data<int32_t>()[0] = 4;
  p.k.data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  p.forward(*exec);
  CHECK(std::isnan(p.out.data<float>()[0]));
}

TEST_CASE("vector_exp: within an ulp, and its ends", "[attention]") {
  double worst = 0;
  for (float x = -87.0f; x < 88.3f; x += 0.000997f) {
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(vector_exp(x) - exact) / exact);
  }
  CHECK(worst < std::numeric_limits<float>::epsilon());
  CHECK(vector_exp(-std::numeric_limits<float>::infinity()) == 0.0f);
  CHECK(vector_exp(0.0f) == 1.0f);
  CHECK(std::isfinite(vector_exp(1000.0f)));
  CHECK(std::isnan(vector_exp(std::numeric_limits<float>::quiet_NaN())));
}

// The definition in float64: a real number whose integer part is the bucket of `distance` if a
// direction has `n` buckets.
double place_of(int64_t distance, int n, int max_distance) {
  const double exact = n / 2;
  if (static_cast<double>(distance) < exact) return static_cast<double>(distance);
  const double ratio =
      std::log(static_cast<double>(distance) / exact) / std::log(max_distance / exact);
  return std::min(exact + ratio * (n - exact), n - 1.0);
}

TEST_CASE("relative buckets: the definition", "[attention]") {
  const auto [buckets, max_distance] =
      GENERATE(std::pair(32, 128), std::pair(32, 64), std::pair(8, 20), std::pair(64, 1000));
  for (const bool bidirectional : {true, false}) {
    const int n = bidirectional ? buckets / 2 : buckets;
    for (int64_t relative = -1100; relative <= 1100; ++relative) {
      const int64_t distance = bidirectional ? std::abs(relative) : std::max<int64_t>(-relative, 0);
      const int first = bidirectional && relative > 0 ? n : 0;
      const double place = place_of(distance, n, max_distance);
      const int bucket = relative_bucket(relative, bidirectional, buckets, max_distance) - first;
      CAPTURE(buckets, max_distance, bidirectional, relative, place);
      // Logarithms are float32, so where the place is an integer up to rounding, both of its
      // neighbours are accepted.
      CHECK(bucket >= static_cast<int>(place - 1e-5));
      CHECK(bucket <= static_cast<int>(place + 1e-5));
    }
  }
}

TEST_CASE("relative buckets: the starts of T5's buckets", "[attention]") {
  // The smallest distance of each bucket: 8 exact ones, then the smallest integers from 8 * 16^(i /
  // 8) on.
  const int64_t least[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
  for (int64_t distance = 0; distance < 600; ++distance) {
    const auto bucket = std::upper_bound(least, least + 16, distance) - least - 1;
    CAPTURE(distance);
    CHECK(relative_bucket(-distance, true, 32, 128) == bucket);
    CHECK(relative_bucket(distance, true, 32, 128) == (distance == 0 ? 0 : 16 + bucket));
  }
}

TEST_CASE("relative buckets: published vectors", "[attention]") {
  const auto path = shared_file("vectors/relpos_buckets.json");
  if (!path) return;
  simdjson::dom::parser parser;
  for (simdjson::dom::object entry : parser.load(*path).get_array()) {
    const bool bidirectional = entry["bidirectional"];
    const int64_t buckets = entry["num_buckets"], distance = entry["max_distance"];
    int64_t relative = entry["rel_from"];
    for (const int64_t bucket : entry["buckets"].get_array()) {
      CHECK(relative_bucket(relative, bidirectional, static_cast<int>(buckets),
                            static_cast<int>(distance)) == bucket);
      ++relative;
    }
  }
}

// Not run by default: `kernels_tests "[attention-speed]"`.
TEST_CASE("attention: rate at a model's size", "[.][attention-speed]") {
  const Case c{8, 8, 512, 512, 64, 32, false, 0.0f};
  auto exec = make_exec(2);
  Problem p(c, DType::f32);
  Owned d_q(DType::f32, p.q.tensor().shape()), d_k(DType::f32, p.k.tensor().shape());
  Owned d_v(DType::f32, p.v.tensor().shape()),
      d_table = zeros(DType::f32, p.table.tensor().shape());
  for (auto& n : {0, 1, 2, 3, 4, 5, 6, 7}) p.lengths.data<int32_t>()[n] = 512;
  const double product = 2.0 * 8 * 8 * 512 * 512 * 64;
  for (int repeat = 0; repeat < 4; ++repeat) {
    const auto t0 = std::chrono::steady_clock::now();
    p.forward(*exec);
    const auto t1 = std::chrono::steady_clock::now();
    attention_backward(*exec, d_q, d_k, d_v, d_table, p.out, p.out, p.log_sum, p.q, p.k, p.v,
                       p.bias(), p.lengths, p.spec);
    const auto t2 = std::chrono::steady_clock::now();
    const double forward = std::chrono::duration<double>(t1 - t0).count();
    const double backward = std::chrono::duration<double>(t2 - t1).count();
    WARN("forward " << 2 * product / forward / 1e9 << " GFLOP/s, backward "
                    << 5 * product / backward / 1e9 << " GFLOP/s");
  }
}

}  // namespace
}  // namespace sy
