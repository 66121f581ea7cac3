// SPDX-License-Identifier: Apache-2.0
// Compares the bfloat16 form of every op that has one with its float32 form on the same numbers.
// They may differ by the rounding of what is stored, and of the inputs to products.
#include "lib/tensor/bfloat16.h"

#include <catch2/catch.hpp>
#include <limits>

#include "kernels/activation/activation.h"
#include "kernels/attention/attention.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/dispatch/dispatch.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gemm/gemm.h"
#include "kernels/rms_norm/rms_norm.h"
#include "tests/kernels/op_test.h"

namespace sy {
namespace {
using namespace test;

constexpr double kHalfPlace = 1.0 / 256;  // maximum relative error of one rounding: 8 bits are kept

// The same numbers, all exact in bfloat16, in both dtypes.
struct Both {
  Owned f32, bf16;

  Both(Shape shape, uint64_t seed, double scale = 1.0)
      : f32(random_tensor(DType::f32, shape, seed, scale)), bf16(DType::bf16, shape) {
    for (int64_t i = 0; i < shape.numel(); ++i) {
      set(bf16, i, at(f32, i));
      set(f32, i, at(bf16, i));
    }
  }
  // Outputs, initially unwritten.
  explicit Both(Shape shape) : f32(DType::f32, shape), bf16(DType::bf16, shape) {}

  // Largest difference over `allowed` relative to the entry or, for sums in which large terms
  // cancel, to `scale`.
  double error(double scale = 0) {
    double worst = 0;
    for (int64_t i = 0; i < f32.tensor().numel(); ++i) {
      const double exact = at(f32, i), difference = std::abs(at(bf16, i) - exact);
      if (!(difference >= 0)) return INFINITY;
      worst = std::max(worst, difference / std::max({std::abs(exact), scale, 1e-30}));
    }
    return worst;
  }
};

double largest(Tensor x) {
  double result = 0;
  for (int64_t i = 0; i < x.numel(); ++i) result = std::max(result, std::abs(at(x, i)));
  return result;
}

TEST_CASE("bfloat16: rounds to nearest even and keeps non-finite values", "[bfloat16]") {
  const auto rounded = [](float x) { return static_cast<float>(BFloat16(x)); };
  CHECK(rounded(1.0f) == 1.0f);
  CHECK(rounded(1.0f + 0x1p-8f) == 1.0f);                // a tie goes to the even one
  CHECK(rounded(1.0f + 3 * 0x1p-8f) == 1.0f + 0x1p-6f);  // rounds up here
  CHECK(rounded(1.0f + 0x1.01p-8f) == 1.0f + 0x1p-7f);
  CHECK(rounded(-0.0f) == 0.0f);
  CHECK(std::signbit(rounded(-0.0f)));
  CHECK(rounded(0x1p-133f) == 0x1p-133f);  // the smallest bfloat16
  CHECK(rounded(std::numeric_limits<float>::max()) == INFINITY);
  CHECK(rounded(-INFINITY) == -INFINITY);
  CHECK(std::isnan(rounded(NAN)));
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7f800001u))));
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7fffffffu))));
}

// A backend may convert with an instruction of its own.
TEST_CASE("bfloat16: every backend rounds as the type does", "[bfloat16]") {
  const auto exec = make_exec();
  std::vector<uint32_t> words;
  for (const uint32_t upper :
       {0x0000u, 0x0001u, 0x007fu, 0x0080u, 0x3f80u, 0x7f7fu, 0x7f80u, 0x7fc0u, 0x7fffu}) {
    for (const uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      for (const uint32_t sign : {0u, 0x80000000u}) words.push_back(sign | upper << 16 | lower);
    }
  }
  const auto count = static_cast<int64_t>(words.size());
  Owned from(DType::f32, {count}), to(DType::bf16, {count});
  for (int64_t i = 0; i < count; ++i) {
    from.data<float>()[i] = std::bit_cast<float>(words[static_cast<size_t>(i)]);
  }
  cast(*exec, to, from);
  for (int64_t i = 0; i < count; ++i) {
    const BFloat16 expected(from.data<float>()[i]), is = to.data<BFloat16>()[i];
    CAPTURE(words[static_cast<size_t>(i)]);
    CHECK((std::isnan(float(expected)) ? std::isnan(float(is)) : is.bits == expected.bits));
  }
}

TEST_CASE("bfloat16: cast and elementwise", "[bfloat16]") {
  const auto exec = make_exec();
  Both x({7, 33}, 1), y({7, 33}, 2);
  Owned wide(DType::f32, {7, 33}), narrow(DType::bf16, {7, 33});
  cast(*exec, wide, x.bf16);
  CHECK(same_bits(wide, x.f32));
  cast(*exec, narrow, x.f32);
  CHECK(same_bits(narrow, x.bf16));
  Owned odd = random_tensor(DType::f32, {7, 33}, 3);
  cast(*exec, narrow, odd);
  cast(*exec, wide, narrow);
  round_to_bfloat16(*exec, odd);
  CHECK(same_bits(wide, odd));
  add_inplace(*exec, x.f32, y.f32);
  add_inplace(*exec, x.bf16, y.bf16);
  CHECK(x.error() <= kHalfPlace);
  scale_inplace(*exec, y.f32, 0.3);
  scale_inplace(*exec, y.bf16, 0.3);
  CHECK(y.error() <= kHalfPlace);
  CHECK_THROWS_AS(cast(*exec, Owned(DType::f64, {7, 33}), x.bf16), InternalError);
}

TEST_CASE("bfloat16: gemm sums in float32 and rounds once", "[bfloat16]") {
  const auto exec = make_exec();
  const bool transpose_a = GENERATE(false, true), transpose_b = GENERATE(false, true);
  const auto [accumulate, relu] =
      GENERATE(std::pair{false, false}, std::pair{true, false}, std::pair{false, true});
  const bool has_base = GENERATE(false, true) && !accumulate && !relu;
  const int64_t batch = GENERATE(1, 3);
  const auto shape = [batch](int64_t rows, int64_t cols, bool transposed) {
    if (transposed) std::swap(rows, cols);
    return batch == 1 ? Shape{rows, cols} : Shape{batch, rows, cols};
  };
  Both a(shape(37, 70, transpose_a), 1), b(shape(70, 29, transpose_b), 2);
  Both c(shape(37, 29, false), 3), base(shape(37, 29, false), 4);
  Owned sums = c.f32;
  const GemmOptions options{transpose_a, transpose_b, accumulate, relu};
  const auto added = [&](Owned& to) { return has_base ? to : Tensor(); };
  gemm(*exec, c.f32, a.f32, b.f32, options, added(base.f32));
  gemm(*exec, c.bf16, a.bf16, b.bf16, options, added(base.bf16));
  gemm(*exec, sums, a.bf16, b.bf16, options, added(base.f32));
  CHECK(c.error(1e-3) <= 1.01 * kHalfPlace);
  CHECK(largest_difference(sums, c.f32) < 1e-5 * largest(c.f32));
  CHECK_THROWS_AS(gemm(*exec, c.f32, a.bf16, b.f32, options), InternalError);
}

TEST_CASE("bfloat16: rms_norm", "[bfloat16]") {
  const auto exec = make_exec();
  Both x({70, 48}, 1), out(Shape{70, 48}), d_out({70, 48}, 2), d_residual({70, 48}, 3);
  Both d_x(Shape{70, 48});
  Owned scale = random_tensor(DType::f32, {48}, 4), rstd(DType::f32, {70});
  Owned d_scale = zeros(DType::f32, {48}), d_scale_bf16 = zeros(DType::f32, {48});
  rms_norm_forward(*exec, out.f32, rstd, x.f32, scale);
  rms_norm_forward(*exec, out.bf16, rstd, x.bf16, scale);
  CHECK(out.error() <= kHalfPlace);
  rms_norm_backward(*exec, d_x.f32, d_scale, d_out.f32, x.f32, scale, rstd, d_residual.f32);
  rms_norm_backward(*exec, d_x.bf16, d_scale_bf16, d_out.bf16, x.bf16, scale, rstd,
                    d_residual.bf16);
  CHECK(d_x.error(1e-4) <= 1.01 * kHalfPlace);
  CHECK(largest_difference(d_scale, d_scale_bf16) < 1e-5 * largest(d_scale));
}

TEST_CASE("bfloat16: activations, dropout and residual", "[bfloat16]") {
  const auto exec = make_exec();
  const Activation kind = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  const bool gated = kind == Activation::geglu;
  const Dropout dropout{0.25f, {3, 1, 2}, 5, {}};
  Both hidden({9, 40}, 1), linear({9, 40}, 2), d_out({9, 40}, 3);
  Both out(Shape{9, 40}), d_hidden(Shape{9, 40}), d_linear(Shape{9, 40});
  const auto run = [&](Owned Both::*part) {
    const Tensor gate = gated ? (linear.*part).tensor() : Tensor();
    const Tensor d_gate = gated ? (d_linear.*part).tensor() : Tensor();
    activation_forward(*exec, out.*part, hidden.*part, gate, kind, dropout);
    activation_backward(*exec, d_hidden.*part, d_gate, d_out.*part, hidden.*part, gate, kind,
                        dropout);
    residual_dropout_forward(*exec, d_out.*part, hidden.*part, d_out.*part, dropout);
  };
  run(&Both::f32);
  run(&Both::bf16);
  for (Both* result : {&out, &d_hidden, &d_out}) CHECK(result->error(1e-4) <= 1.01 * kHalfPlace);
  if (gated) CHECK(d_linear.error(1e-4) <= 1.01 * kHalfPlace);
}

TEST_CASE("bfloat16: embedding and cross-entropy", "[bfloat16]") {
  const auto exec = make_exec();
  Both table({11, 70}, 1), rows(Shape{6, 70}), d_out({6, 70}, 2);
  Owned ids = int_tensor({6}, {3, 0, 10, 3, 7, 3});
  embedding_forward(*exec, rows.f32, table.f32, ids);
  embedding_forward(*exec, rows.bf16, table.bf16, ids);
  CHECK(rows.error() == 0);
  Owned d_table = zeros(DType::f32, {11, 70}), d_table_bf16 = zeros(DType::f32, {11, 70});
  embedding_backward(*exec, d_table, d_out.f32, ids);
  embedding_backward(*exec, d_table_bf16, d_out.bf16, ids);
  CHECK(same_bits(d_table, d_table_bf16));

  Owned logits = random_tensor(DType::f32, {6, 300}, 3), again = logits;
  Owned targets = int_tensor({6}, {299, 0, 1, 17, 0, 250});
  Owned loss(DType::f32, {6}), loss_bf16(DType::f32, {6});
  Both gradient(Shape{6, 300});
  gradient.f32 = logits;
  cross_entropy(*exec, loss, gradient.f32, gradient.f32, targets, 0.5);
  cross_entropy(*exec, loss_bf16, gradient.bf16, again, targets, 0.5);
  CHECK(same_bits(loss, loss_bf16));
  CHECK(gradient.error() <= kHalfPlace);
}

TEST_CASE("bfloat16: dispatch and combine", "[bfloat16]") {
  const auto exec = make_exec();
  Both x({5, 40}, 1), slots(Shape{6, 40}), out(Shape{5, 40}), d_out({5, 40}, 2);
  Both d_slots(Shape{6, 40});
  Owned slot = int_tensor({5, 1}, {2, -1, 0, 5, 1}), token = int_tensor({6}, {2, 4, 0, -1, -1, 3});
  Owned gate = random_tensor(DType::f32, {5, 1}, 3);
  Owned d_gate(DType::f32, {5, 1}), d_gate_bf16(DType::f32, {5, 1});
  gather_rows(*exec, slots.f32, x.f32, token);
  gather_rows(*exec, slots.bf16, x.bf16, token);
  CHECK(slots.error() == 0);
  combine_forward(*exec, out.f32, slots.f32, slot, gate);
  combine_forward(*exec, out.bf16, slots.bf16, slot, gate);
  CHECK(out.error() <= kHalfPlace);
  combine_backward(*exec, d_slots.f32, d_gate, d_out.f32, slots.f32, slot, token, gate);
  combine_backward(*exec, d_slots.bf16, d_gate_bf16, d_out.bf16, slots.bf16, slot, token, gate);
  CHECK(d_slots.error() <= kHalfPlace);
  CHECK(largest_difference(d_gate, d_gate_bf16) < 1e-5 * largest(d_gate));
}

struct AttentionCase {
  int64_t lq, lk, d;
  bool causal, bias;
  float dropout;
  int32_t second, third;  // keys of the second and third sequence; the first has all
};

// Odd lengths and widths, which leave half-filled words, and more rows than a block.
const AttentionCase kAttentionCases[] = {
    {5, 7, 8, false, true, 0.0f, 4, 1},
    {61, 61, 16, true, true, 0.2f, 58, 1},
    {50, 33, 5, false, false, 0.0f, 30, 1},
    {97, 130, 64, false, true, 0.0f, 127, 1},
};

// Widths for which CUDA uses tensor cores, in tiles of 64. Lengths end within a tile and at its
// end, with empty sequences too; dropout draws whole Philox blocks (the number of keys is a
// multiple of four) or element by element.
const AttentionCase kTileCases[] = {
    {70, 70, 64, true, true, 0.2f, 64, 0},    {130, 130, 64, true, true, 0.0f, 65, 3},
    {70, 130, 64, false, true, 0.2f, 128, 0}, {130, 132, 64, false, true, 0.2f, 127, 0},
    {72, 72, 64, true, true, 0.2f, 71, 1},    {130, 70, 64, false, false, 0.0f, 1, 0},
    {72, 72, 128, true, true, 0.1f, 65, 0},   {66, 68, 128, false, true, 0.1f, 67, 1},
    {100, 66, 32, false, true, 0.1f, 65, 0},
};

void check_attention(const AttentionCase& c, bool one_mask = false) {
  const auto exec = make_exec();
  const int64_t b = 3, h = 2;
  const Shape queries{b, c.lq, h, c.d}, keys{b, c.lk, h, c.d};
  Both q(queries, 1, 0.5), k(keys, 2, 0.5), v(keys, 3), d_out(queries, 4);
  Both out{queries}, d_q{queries}, d_k{keys}, d_v{keys};
  Owned table = random_tensor(DType::f32, {8, h}, 5), log_sum(DType::f32, {b, h, c.lq});
  Owned d_table = zeros(DType::f32, {8, h}), d_table_bf16 = zeros(DType::f32, {8, h});
  const auto last = static_cast<int32_t>(c.lk);
  Owned lengths = int_tensor({b}, {last, c.second, c.third});
  AttentionSpec spec;
  spec.causal = c.causal;
  spec.bidirectional = !c.causal;
  spec.max_distance = 20;
  spec.dropout_rate = c.dropout;
  spec.dropout_key = {7, 3, 5};
  spec.dropout_by_key = one_mask;
  const Tensor bias = c.bias ? table.tensor() : Tensor();
  const auto forward = [&](Owned Both::*part) {
    attention_forward(*exec, out.*part, log_sum, q.*part, k.*part, v.*part, bias, lengths, spec);
  };
  const auto backward = [&](Owned Both::*part, Tensor attended, Owned& d_bias) {
    attention_backward(*exec, d_q.*part, d_k.*part, d_v.*part, c.bias ? d_bias.tensor() : Tensor(),
                       d_out.*part, attended, log_sum, q.*part, k.*part, v.*part, bias, lengths,
                       spec);
  };
  forward(&Both::bf16);
  forward(&Both::f32);
  // The softmax's gradient is a difference involving out . d_out, so both forms start from out as
  // it was stored.
  Owned attended(DType::f32, queries);
  cast(*exec, attended, out.bf16);
  backward(&Both::f32, attended, d_table);
  backward(&Both::bf16, out.bf16, d_table_bf16);
  // Probabilities and their gradients are rounded once more, before they are multiplied again.
  for (Both* result : {&out, &d_q, &d_k, &d_v}) {
    CHECK(result->error(0.5 * largest(result->f32)) <= 4 * kHalfPlace);
  }
  if (c.bias) CHECK(largest_difference(d_table, d_table_bf16) < 4 * kHalfPlace * largest(d_table));
  CHECK(same_for_any_threads(out.bf16, [&](Exec& other, Tensor result) {
    attention_forward(other, result, log_sum, q.bf16, k.bf16, v.bf16, bias, lengths, spec);
  }));
}

TEST_CASE("bfloat16: attention", "[bfloat16]") {
  check_attention(GENERATE(from_range(std::begin(kAttentionCases), std::end(kAttentionCases))));
}

TEST_CASE("bfloat16: attention in tiles", "[bfloat16]") {
  check_attention(GENERATE(from_range(std::begin(kTileCases), std::end(kTileCases))));
}

// Rows of words that start on, and off, a Philox block; cases of the kernels in tiles and of those
// without.
TEST_CASE("bfloat16: attention with one mask for all queries", "[bfloat16]") {
  check_attention(GENERATE(AttentionCase{70, 68, 32, false, true, 0.25f, 65, 0},
                           AttentionCase{70, 66, 32, false, false, 0.25f, 65, 0},
                           AttentionCase{9, 11, 5, false, true, 0.25f, 7, 0}),
                  true);
}

TEST_CASE("bfloat16: attention with an invalid length", "[bfloat16]") {
  const int32_t length = GENERATE(-1, 4);
  const auto exec = make_exec();
  const Shape shape{1, 3, 2, 32};
  Both q(shape, 1), k(shape, 2), v(shape, 3), out{shape}, d_q{shape}, d_k{shape}, d_v{shape};
  Owned log_sum(DType::f32, {1, 2, 3}), lengths = int_tensor({1}, {length});
  const auto forward = [&] {
    attention_forward(*exec, out.bf16, log_sum, q.bf16, k.bf16, v.bf16, {}, lengths, {});
  };
  if (test_backend() == Backend::cpu) {
    CHECK_THROWS_AS(forward(), InternalError);
    return;
  }
  forward();
  attention_backward(*exec, d_q.bf16, d_k.bf16, d_v.bf16, {}, out.bf16, out.bf16, log_sum, q.bf16,
                     k.bf16, v.bf16, {}, lengths, {});
  for (const Tensor x : {out.bf16.tensor(), log_sum.tensor(), d_q.bf16.tensor(), d_k.bf16.tensor(),
                         d_v.bf16.tensor()}) {
    for (int64_t i = 0; i < x.numel(); ++i) CHECK(std::isnan(at(x, i)));
  }
}

}  // namespace
}  // namespace sy
