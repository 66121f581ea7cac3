// SPDX-License-Identifier: Apache-2.0
// Gradients of self-attention with experts, and what becomes of dropped tokens. The definition is
// in reference_model.cpp.
#include "lib/model/moe/moe_attention.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "tests/kernels/op_test.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kLength = 5;

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
  int64_t sequences, length;
  Owned lengths, valid, ids;
  Shape shape;
  Owned x, out;

  // As many sequences as there are lengths, the longest of which is the first.
  explicit Layer(const ModelSection& model, const std::vector<int32_t>& lengths_ = {5, 3, 0},
                 bool causal = false, Recompute recompute = Recompute::none)
      : f(model),
        sequences(std::ssize(lengths_)),
        length(lengths_.empty() ? kLength : lengths_[0]),
        lengths(int_tensor({sequences}, lengths_)),
        valid(DType::i32, {sequences * length}),
        ids(DType::i32, {sequences * length}),
        shape{sequences * length, f.model.d_model},
        x(random_tensor(DType::f64, shape, 1)),
        out(DType::f64, shape) {
    for (int64_t i = 0; i < sequences * length; ++i) {
      const int32_t real = lengths_[static_cast<size_t>(i / length)];
      valid.data<int32_t>()[i] = i % length < real ? 1 : 0;
      ids.data<int32_t>()[i] = static_cast<int32_t>(i % f.model.vocab_size.value);
    }
    params = moe_attention_params(f.store, "attention", f.model, layers);
    params.relative_bias = f.store.add("bias", {f.model.relative_buckets, f.model.num_heads},
                                       Placement::replicated(), {});
    params.causal = causal;
    LayerDims dims{sequences + 1, length, 1, DType::f64};
    dims.recompute = recompute;
    saved = f.allocate([&](Arena& arena) { return moe_attention_plan(arena, f.model, dims); });
    bias_experts(0.05);
  }
  // Of even experts by so much, of odd ones by as much less, if the router has biases.
  void bias_experts(double even) {
    for (const Buffer& buffer : f.store.buffers()) {
      for (int64_t e = 0; e < buffer.value.numel(); ++e) {
        buffer.value.data<double>()[e] = e % 2 == 0 ? even : -even;
      }
    }
  }
  LayerContext context() {
    LayerContext context = f.context(sequences, length, lengths, valid);
    context.ids = ids;
    return context;
  }
  void forward() { moe_attention_forward(context(), params, saved, out, x); }
  double loss(Tensor weight) {
    forward();
    const double* losses = saved.routing.router.losses.data<double>();
    const ExpertsSection& experts = f.model.experts;
    return weighted_sum(out, weight) +
           f.step.group_scale * (experts.balance_loss * losses[0] + experts.z_loss * losses[1]);
  }
  // The gradients of `count` tokens from `first` on, and those of the parameters.
  void check_gradients(int64_t first, int64_t count, bool with_params) {
    Owned weight = random_tensor(DType::f64, shape, 2), d_x(DType::f64, shape);
    const auto by_weight = [&] { return loss(weight); };
    by_weight();
    moe_attention_backward(context(), params, saved, d_x, weight);
    CHECK(gradient_error(x.tensor().slice(first, count), d_x.tensor().slice(first, count),
                         by_weight) < kGradientTolerance);
    if (with_params) f.check_params(by_weight);
  }
  void check_gradients() { check_gradients(0, sequences * length, true); }
  bool has_slot(int64_t t) const { return saved.routing.dispatch.slot.data<int32_t>()[t] >= 0; }
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
  Layer layer(model, sequences > 0 ? std::vector<int32_t>{5, 3, 0} : std::vector<int32_t>{}, causal,
              causal ? Recompute::experts : Recompute::none);
  layer.check_gradients();
}

TEST_CASE("moe_attention: two experts a token, and gradients", "[moe_attention]") {
  if (test_backend() == Backend::cuda) return;  // moe_ffn has its kernels
  ModelSection model = attention_model(AttentionForm::ffn, CapacityMode::factor);
  model.activation = Activation::geglu;
  model.experts.top_k = 2;
  model.experts.second_policy = SecondPolicy::all;
  Layer layer(model);
  layer.check_gradients();
}

TEST_CASE("moe_attention: every other router, and gradients", "[moe_attention]") {
  if (test_backend() == Backend::cuda) return;  // moe_ffn has their kernels
  ModelSection model = attention_model(AttentionForm::linear, CapacityMode::factor);
  using Change = void (*)(ExpertsSection&);
  const Change change = GENERATE(
      Change([](ExpertsSection& experts) { experts.routing = Routing::hash; }),
      Change([](ExpertsSection& experts) {
        experts.routing = Routing::no_token_left_behind;
        experts.ntlb_top_k = 2;
      }),
      Change([](ExpertsSection& experts) { experts.routing = Routing::expert_choice; }),
      Change([](ExpertsSection& experts) { experts.exploration = Exploration::noise; }),
      Change([](ExpertsSection& experts) { experts.balance_bias = 0.01; }),
      Change([](ExpertsSection& experts) { experts.exploration = Exploration::sample; }),
      Change([](ExpertsSection& experts) { experts.exploration = Exploration::input_dropout; }));
  change(model.experts);
  Layer layer(model);
  layer.check_gradients();
  const bool learned = model.experts.routing != Routing::hash;
  CHECK((layer.f.store.find("attention/router") != nullptr) == learned);
  CHECK(layer.f.store.buffers().size() == (model.experts.balance_bias > 0 ? 1U : 0U));
}

// All 300 tokens choose an expert with 280 slots: above 256 they share them.
TEST_CASE("moe_attention: tokens of a slot have the same query and key", "[moe_attention]") {
  if (test_backend() == Backend::cuda) return;  // moe_ffn has its kernels
  ModelSection model = attention_model(AttentionForm::ffn, CapacityMode::fixed);
  model.activation = Activation::gelu;
  model.experts.router_precision = RouterPrecision::bfloat16_places;
  model.experts.balance_bias = 0.01;
  model.experts.fixed_capacity = 280;
  model.experts.group_sequences = 1;
  model.experts.dropout = 0;
  Layer layer(model, {300});
  layer.bias_experts(-1);
  layer.forward();
  const int64_t inner = model.num_heads * model.d_kv;
  // The expert's output, from which the gate is taken off.
  const auto key_of = [&](int64_t t, int64_t c) {
    return layer.saved.k.data<double>()[t * inner + c] /
           layer.saved.routing.router.gate.data<double>()[t];
  };
  for (int64_t c = 0; c < inner; ++c) {
    CHECK(key_of(259, c) == Approx(key_of(260, c)).epsilon(1e-9));
    CHECK(key_of(261, c) == Approx(key_of(260, c)).epsilon(1e-9));
    CHECK(std::abs(key_of(262, c) - key_of(260, c)) > 1e-9);
  }
  CHECK(layer.has_slot(278));
  CHECK_FALSE(layer.has_slot(279));  // its place is rounded up to 280
  layer.check_gradients(258, 5, false);
}

TEST_CASE("moe_attention: one mask for all tokens of a sequence", "[moe_attention]") {
  ModelSection model = attention_model(AttentionForm::linear, CapacityMode::dropless);
  model.dropout = 0.5;
  model.dropout_broadcast = DropoutBroadcast::length;
  model.experts.exploration = Exploration::argmax;
  Layer layer(model, {5, 5});
  // Equal rows, whose distances do not count: what is dropped is all that could differ.
  for (int64_t i = 0; i < layer.shape.numel(); ++i) {
    layer.x.data<double>()[i] = layer.x.data<double>()[i % model.d_model];
  }
  const Tensor bias = layer.params.relative_bias->value;
  std::fill_n(bias.data<double>(), bias.numel(), 0.0);
  layer.forward();
  const int64_t inner = model.num_heads * model.d_kv;
  const double* attended = layer.saved.attended.data<double>();
  for (int64_t i = 0; i < 10 * inner; ++i) {
    const int64_t first = i / (5 * inner) * 5 * inner + i % inner;
    CHECK(attended[i] == Approx(attended[first]).margin(1e-12));
  }
}

TEST_CASE("moe_attention: a dropped token has neither query nor key", "[moe_attention]") {
  Layer layer(attention_model(AttentionForm::ffn, CapacityMode::factor));
  CHECK(layer.params.routing.layer == 2);
  CHECK(layer.layers.routed_layers == 3);
  layer.forward();
  int64_t dropped = 0;
  const int64_t inner = layer.f.model.num_heads * layer.f.model.d_kv;
  for (int64_t t = 0; t < 15; ++t) {
    const bool kept = layer.has_slot(t);
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
