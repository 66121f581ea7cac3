// SPDX-License-Identifier: Apache-2.0
// Random numbers of different steps, sub-layers, uses and tokens are independent, as seen in the
// outputs of the layers.
//
// Bounds: the sum of n independent terms in [a, b] deviates from its mean by t or more with
// probability at most 2 exp(-2 t^2 / (n (b - a)^2)) (Hoeffding 1963). t is chosen so that this is
// 1e-9 for all comparisons of a test together. Identical draws deviate by n / 2 (masks) or n / 3
// (noise).
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/router/router_jitter.h"
#include "lib/model/attention.h"
#include "lib/model/dense_ffn.h"
#include "tests/kernels/op_test.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 4, kLength = 6, kTokens = kSequences * kLength, kWidth = 128;

double deviation(double terms, double range, double comparisons) {
  return std::sqrt(terms * range * range / 2 * std::log(2 * comparisons / 1e-9));
}

// Half of everything is dropped.
ModelSection wide_model() {
  ModelSection model = tiny_model();
  model.d_model = model.d_ff = kWidth;
  model.dropout = 0.5;
  return model;
}

using Mask = std::vector<bool>;  // true: dropped

// Masks of two passes, or of two tokens of one pass, agree in half of their elements.
void check_unlike(const std::vector<Mask>& masks) {
  const auto count = static_cast<double>(masks.size()), n = static_cast<double>(masks[0].size());
  const double most = deviation(n, 1, count * (count - 1) / 2);
  REQUIRE(most < n / 2);  // the bound tells identical masks apart
  double worst = 0;
  for (size_t a = 0; a < masks.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      double alike = 0;
      for (size_t i = 0; i < masks[a].size(); ++i) alike += masks[a][i] == masks[b][i];
      worst = std::max(worst, std::abs(alike - n / 2));
    }
  }
  CHECK(worst <= most);
}

std::vector<Mask> rows_of(const Mask& mask) {
  std::vector<Mask> rows;
  for (auto row = mask.begin(); row != mask.end(); row += kWidth)
    rows.emplace_back(row, row + kWidth);
  return rows;
}

// Where `out` equals the residual stream.
Mask untouched(Tensor out, Tensor x) {
  Mask mask;
  for (int64_t i = 0; i < out.numel(); ++i) mask.push_back(at(out, i) == at(x, i));
  return mask;
}

TEST_CASE("draws: of steps, sub-layers, uses and tokens, in the layers", "[draws]") {
  LayerFixture f(wide_model());
  f.model.activation = Activation::gelu;  // not exactly 0 for any input
  const LayerDims dims{kSequences, kLength, 1, DType::f64};
  const DenseFfnParams ffn[] = {dense_ffn_params(f.store, "0/ffn", f.model),
                                dense_ffn_params(f.store, "1/ffn", f.model)};
  const AttentionParams attention[] = {attention_params(f.store, "0/attention", f.model),
                                       attention_params(f.store, "1/attention", f.model)};
  DenseFfnSaved ffn_saved;
  AttentionSaved attention_saved;
  f.allocate([&](Arena& arena) {
    ffn_saved = dense_ffn_plan(arena, f.model, dims);
    attention_saved = attention_plan(arena, f.model, dims, kLength);
    return 0;
  });
  Owned lengths = int_tensor({kSequences}, std::vector<int32_t>(kSequences, kLength));
  const Shape shape{kTokens, kWidth};
  Owned x = random_tensor(DType::f64, shape, 1), out(DType::f64, shape),
        nothing = zeros(DType::f64, shape);
  std::vector<Mask> masks;
  for (const uint32_t step : {1u, 2u}) {
    f.step.step = step;
    for (const int64_t first_sequence : {int64_t{0}, kSequences}) {
      f.step.first_sequence = first_sequence;
      for (const size_t layer : {0, 1}) {
        const LayerContext context = f.context(kSequences, kLength, lengths);
        dense_ffn_forward(context, ffn[layer], ffn_saved, out, x);
        masks.push_back(untouched(out, x));
        masks.push_back(untouched(ffn_saved.inner.activated, nothing));
        self_attention_forward(context, attention[layer], attention_saved, out, x);
        masks.push_back(untouched(out, x));
      }
    }
  }
  check_unlike(masks);
  for (const Mask& mask : masks) check_unlike(rows_of(mask));
}

// The masks of a layer's rows, of which those of one sequence are the same.
void check_one_for_each_sequence(const Mask& mask) {
  const std::vector<Mask> rows = rows_of(mask);
  std::vector<Mask> first;
  for (size_t row = 0; row < rows.size(); ++row) {
    if (row % kLength == 0) first.push_back(rows[row]);
    REQUIRE(rows[row] == first.back());
  }
  check_unlike(first);
}

TEST_CASE("draws: one mask for all tokens of a sequence", "[draws]") {
  LayerFixture f(wide_model());
  f.model.activation = Activation::gelu;
  f.model.dropout_broadcast = DropoutBroadcast::length;
  const LayerDims dims{kSequences, kLength, 1, DType::f64};
  const DenseFfnParams ffn = dense_ffn_params(f.store, "ffn", f.model);
  const AttentionParams attention = attention_params(f.store, "attention", f.model);
  DenseFfnSaved ffn_saved;
  AttentionSaved attention_saved;
  f.allocate([&](Arena& arena) {
    ffn_saved = dense_ffn_plan(arena, f.model, dims);
    attention_saved = attention_plan(arena, f.model, dims, kLength);
    return 0;
  });
  // Equal rows, so that a difference between tokens is one between masks.
  f.step.first_sequence = 3;
  Owned lengths = int_tensor({kSequences}, std::vector<int32_t>(kSequences, kLength));
  const LayerContext context = f.context(kSequences, kLength, lengths);
  const Shape shape{kTokens, kWidth};
  Owned x(DType::f64, shape), out(DType::f64, shape), nothing = zeros(DType::f64, shape);
  Owned row = random_tensor(DType::f64, {kWidth}, 1);
  for (int64_t i = 0; i < shape.numel(); ++i) set(x, i, at(row, i % kWidth));
  dense_ffn_forward(context, ffn, ffn_saved, out, x);
  check_one_for_each_sequence(untouched(out, x));
  check_one_for_each_sequence(untouched(ffn_saved.inner.activated, nothing));
  self_attention_forward(context, attention, attention_saved, out, x);
  check_one_for_each_sequence(untouched(out, x));
  // All queries of a head have the same keys left, and these the same values.
  const Tensor attended = attention_saved.attended;
  const int64_t inner = attended.numel() / kTokens;
  for (int64_t i = 0; i < attended.numel(); ++i) {
    const int64_t first = i / (kLength * inner) * kLength * inner + i % inner;
    REQUIRE(at(attended, i) == Approx(at(attended, first)).margin(1e-12));
  }
}

TEST_CASE("draws: the router's noise", "[draws]") {
  LayerFixture f(wide_model());
  constexpr float kEpsilon = 0.5f;
  constexpr int64_t kNoises = 1024;  // per token
  const Shape shape{kTokens, kNoises};
  Owned ones(DType::f64, shape), out(DType::f64, shape);
  std::fill_n(ones.data<double>(), shape.numel(), 1.0);
  std::vector<std::vector<double>> noise;  // in [-1, 1)
  for (const uint32_t step : {1u, 2u}) {
    f.step.step = step;
    const LayerContext context = f.context(kSequences, kLength);
    for (const char* name : {"jitter/0/moe", "jitter/1/moe"}) {
      const RandomKey key = context.key(site::of_name(name));
      for (const int64_t first_row : {int64_t{0}, kTokens}) {
        router_jitter(*f.exec, out, ones, kEpsilon, key, first_row);
        for (int64_t t = 0; t < kTokens; ++t) {
          auto& row = noise.emplace_back();
          for (int64_t i = 0; i < kNoises; ++i)
            row.push_back((at(out, t * kNoises + i) - 1) / kEpsilon);
        }
      }
    }
  }
  // Products of the noise of two rows are in [-1, 1) with mean 0.
  const auto rows = static_cast<double>(noise.size());
  const double most = deviation(kNoises, 2, rows * (rows - 1) / 2);
  double worst = 0, least_square = kNoises;
  for (size_t a = 0; a < noise.size(); ++a) {
    for (size_t b = 0; b <= a; ++b) {
      double product = 0;
      for (size_t i = 0; i < kNoises; ++i) product += noise[a][i] * noise[b][i];
      if (a == b) least_square = std::min(least_square, product);
      if (a != b) worst = std::max(worst, std::abs(product));
    }
  }
  CAPTURE(worst, most, least_square);
  CHECK(worst <= most);
  CHECK(most < least_square);  // the bound tells identical rows apart
}

}  // namespace
}  // namespace sy
