// SPDX-License-Identifier: Apache-2.0
// Gradients of self-attention with experts, and what becomes of dropped tokens. The definition is
// in reference_model.cpp.
#include "lib/model/moe/moe_attention.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kPlanned = 4, kLength = 5;

ModelSection attention_model(AttentionForm form, CapacityMode capacity) {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(3));
  model.experts.attention_form = form;
  model.experts.capacity = capacity;
  return model;
}

struct Layer {
  LayerFixture f;
  LayerCounter layers{.routed_layers = 2};
  MoeAttentionParams params;
  MoeAttentionSaved saved;
  int64_t sequences;
  Owned lengths = int_tensor({3}, {5, 3, 0});
  Owned valid = int_tensor({15}, {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0});
  Shape shape;
  Owned x, out;

  explicit Layer(const ModelSection& model, int64_t sequences_ = 3, bool causal = false,
                 Recompute recompute = Recompute::none)
      : f(model),
        sequences(sequences_),
        shape{sequences_ * kLength, f.model.d_model},
        x(random_tensor(DType::f64, shape, 1)),
        out(DType::f64, shape) {
    params = moe_attention_params(f.store, "attention", f.model, layers);
    params.relative_bias = f.store.add("bias", {f.model.relative_buckets, f.model.num_heads},
                                       Placement::replicated(), {});
    params.causal = causal;
    LayerDims dims{kPlanned, kLength, 1, DType::f64};
    dims.recompute = recompute;
    saved = f.allocate([&](Arena& arena) { return moe_attention_plan(arena, f.model, dims); });
  }
  LayerContext context() {
    return f.context(sequences, kLength, lengths.tensor().slice(0, sequences),
                     valid.tensor().slice(0, sequences * kLength));
  }
  void forward() { moe_attention_forward(context(), params, saved, out, x); }
  double loss(Tensor weight) {
    forward();
    const double* losses = saved.routing.router.losses.data<double>();
    const ExpertsSection& experts = f.model.experts;
    return weighted_sum(out, weight) +
           f.step.group_scale * (experts.balance_loss * losses[0] + experts.z_loss * losses[1]);
  }
};

TEST_CASE("moe_attention: gradients", "[moe_attention]") {
  const AttentionForm form = GENERATE(AttentionForm::ffn, AttentionForm::linear);
  const CapacityMode capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  ModelSection model = attention_model(form, capacity);
  // If causal, the experts' outputs are as wide as their inputs.
  const bool causal = GENERATE(false, true);
  const int64_t sequences = GENERATE(3, 0);
  // Kernels executed on the host are slow.
  const bool causal_by_form = causal == (form == AttentionForm::linear);
  if (test_backend() == Backend::cuda && !(causal_by_form && sequences > 0)) return;
  if (causal) model.num_heads = 1;
  Layer layer(model, sequences, causal, causal ? Recompute::experts : Recompute::none);
  Owned weight = random_tensor(DType::f64, layer.shape, 2), d_x(DType::f64, layer.shape);
  const auto loss = [&] { return layer.loss(weight); };
  loss();
  moe_attention_backward(layer.context(), layer.params, layer.saved, d_x, weight);
  CHECK(gradient_error(layer.x, d_x, loss) < kGradientTolerance);
  layer.f.check_params(loss);
}

TEST_CASE("moe_attention: two experts a token, and gradients", "[moe_attention]") {
  if (test_backend() == Backend::cuda) return;  // moe_ffn has its kernels
  ModelSection model = attention_model(AttentionForm::ffn, CapacityMode::factor);
  model.activation = Activation::geglu;
  model.experts.top_k = 2;
  model.experts.second_policy = SecondPolicy::all;
  Layer layer(model);
  Owned weight = random_tensor(DType::f64, layer.shape, 2), d_x(DType::f64, layer.shape);
  const auto loss = [&] { return layer.loss(weight); };
  loss();
  moe_attention_backward(layer.context(), layer.params, layer.saved, d_x, weight);
  CHECK(gradient_error(layer.x, d_x, loss) < kGradientTolerance);
  layer.f.check_params(loss);
}

TEST_CASE("moe_attention: a dropped token has neither query nor key", "[moe_attention]") {
  Layer layer(attention_model(AttentionForm::ffn, CapacityMode::factor));
  CHECK(layer.params.routing.layer == 2);
  CHECK(layer.layers.routed_layers == 3);
  layer.forward();
  int64_t dropped = 0;
  const int64_t inner = layer.f.model.num_heads * layer.f.model.d_kv;
  for (int64_t t = 0; t < 15; ++t) {
    const bool kept = layer.saved.routing.dispatch.slot.data<int32_t>()[t] >= 0;
    dropped += !kept && layer.valid.data<int32_t>()[t] != 0;
    double squares[2] = {0, 0};
    for (int64_t c = t * inner; c < (t + 1) * inner; ++c) {
      squares[0] += std::abs(layer.saved.q.data<double>()[c]);
      squares[1] += std::abs(layer.saved.k.data<double>()[c]);
    }
    CHECK((squares[0] > 0) == kept);
    CHECK((squares[1] > 0) == kept);
  }
  CHECK(dropped > 0);
}

TEST_CASE("moe_attention: initial values are those of a plain fan-in", "[moe_attention]") {
  for (const AttentionForm form : {AttentionForm::ffn, AttentionForm::linear}) {
    Layer layer(attention_model(form, CapacityMode::factor));
    const ModelSection& model = layer.f.model;
    const auto fan_in =
        static_cast<double>(form == AttentionForm::ffn ? model.d_ff : model.d_model);
    CHECK(layer.params.experts.wo->init.std == Approx(std::sqrt(model.init_scale / fan_in)));
    CHECK(layer.params.experts.wo->shape[2] == 2 * model.num_heads * model.d_kv);
  }
}

}  // namespace
}  // namespace sy
