// SPDX-License-Identifier: Apache-2.0
#include "lib/model/attention.h"

#include <catch2/catch.hpp>

#include "kernels/gemm/gemm_shape.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kPlanned = 4, kLength = 5, kSourceLength = 7;

Param* add_bias(LayerFixture& f) {
  return f.store.add("bias", {f.model.relative_buckets, f.model.num_heads}, Placement::replicated(),
                     {});
}

// Either the sizes of the fixture, or sizes at which the matrices of queries, keys and values lie
// one after another, and CUDA multiplies them together.
bool resize(ModelSection& model) {
  const bool together = GENERATE(false, true);
  if (together) model.d_model = 8;
  if (together) model.d_kv = 4;
  return together;
}

// The number of matrix products, of one matrix or several, that `work` makes.
template <class Work>
int64_t products_of(Exec& exec, const Work& work) {
  exec.state<GemmCounts>().clear();
  exec.profiler.enable();
  work();
  int64_t products = 0;
  for (const auto& [shape, times] : exec.state<GemmCounts>()) products += times;
  return products;
}

TEST_CASE("attention: gradients of self-attention", "[attention]") {
  const bool causal = GENERATE(false, true);
  const double dropout = GENERATE(0.0, 0.3);
  const int64_t sequences = GENERATE(3, 0);
  LayerFixture f;
  f.model.dropout = dropout;
  const bool together = resize(f.model) && test_backend() == Backend::cuda;
  AttentionParams params = attention_params(f.store, "attention", f.model);
  params.relative_bias = add_bias(f);
  params.causal = causal;
  AttentionSaved saved = f.allocate([&](Arena& arena) {
    return attention_plan(arena, f.model, {kPlanned, kLength, 1, DType::f64}, kLength);
  });
  Owned lengths = int_tensor({3}, {5, 3, 0});
  const LayerContext context = f.context(sequences, kLength, lengths.tensor().slice(0, sequences));
  const Shape shape{sequences * kLength, f.model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  const auto loss = [&] {
    self_attention_forward(context, params, saved, out, x);
    return weighted_sum(out, weight);
  };
  loss();
  const int64_t products = products_of(
      context.exec, [&] { self_attention_backward(context, params, saved, d_x, weight); });
  CHECK(products == (together ? 6 : 8));
  CHECK(products_of(context.exec, loss) == (together ? 2 : 4));
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  f.check_params(loss);
}

TEST_CASE("attention: gradients of cross-attention", "[attention]") {
  const int64_t sequences = GENERATE(3, 0);
  LayerFixture f;
  f.model.dropout = GENERATE(0.0, 0.3);
  const bool together = resize(f.model) && test_backend() == Backend::cuda;
  const AttentionParams params = attention_params(f.store, "attention", f.model);
  AttentionSaved saved = f.allocate([&](Arena& arena) {
    return attention_plan(arena, f.model, {kPlanned, kLength, 1, DType::f64}, kSourceLength);
  });
  Owned lengths = int_tensor({3}, {7, 1, 4});
  const LayerContext context = f.context(sequences, kLength);
  const Shape shape{sequences * kLength, f.model.d_model};
  const Shape source{sequences * kSourceLength, f.model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), weight = random_tensor(DType::f64, shape, 2);
  Owned rows = random_tensor(DType::f64, source, 3);
  Owned out(DType::f64, shape), d_x(DType::f64, shape), d_rows = zeros(DType::f64, source);
  const AttentionSource memory{rows, lengths.tensor().slice(0, sequences)};
  const auto loss = [&] {
    cross_attention_forward(context, params, saved, out, x, memory);
    return weighted_sum(out, weight);
  };
  loss();
  const int64_t products = products_of(context.exec, [&] {
    cross_attention_backward(context, params, saved, d_x, d_rows, weight, memory);
  });
  CHECK(products == (together ? 7 : 8));
  CHECK(products_of(context.exec, loss) == (together ? 3 : 4));
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  CHECK(gradient_error(rows, d_rows, loss) < kGradientTolerance);
  f.check_params(loss);
  // The gradient of the encoder output is a sum over the decoder layers.
  const double before = sequences > 0 ? d_rows.data<double>()[0] : 0;
  cross_attention_backward(context, params, saved, d_x, d_rows, weight, memory);
  if (sequences > 0) CHECK(d_rows.data<double>()[0] == Approx(2 * before));
}

}  // namespace
}  // namespace sy
