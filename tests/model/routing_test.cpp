// SPDX-License-Identifier: Apache-2.0
// Routing to something other than a feed-forward layer: the caller decides what is routed to.
#include "lib/model/moe/routing.h"

#include <catch2/catch.hpp>

#include "tests/kernels/op_test.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSequences = 3, kLength = 4, kTokens = kSequences * kLength;

ModelSection routed_model(CapacityMode capacity) {
  ModelSection model = tiny_sparse_model(3);
  model.experts.capacity = capacity;
  model.experts.jitter = 0.1;
  model.experts.dropout = 0;
  return model;
}

// Expert e multiplies its rows by e + 2.
void multiply(const ExpertRows& rows, Tensor to, Tensor from) {
  const int64_t d = to.cols();
  int64_t row = rows.first;
  for (int64_t e = 0; e < rows.experts; ++e) {
    const int64_t count =
        rows.ragged() ? rows.sources.data<int32_t>()[rows.first_expert + e] : rows.each;
    for (const int64_t end = row + count; row < end; ++row) {
      for (int64_t c = 0; c < d; ++c) {
        to.data<double>()[row * d + c] =
            static_cast<double>(rows.first_expert + e + 2) * from.data<double>()[row * d + c];
      }
    }
  }
}

struct Layer {
  LayerFixture f;
  LayerCounter layers{.routed_layers = 4};
  RoutingParams params;
  RoutingSaved saved;
  Owned valid = int_tensor({kTokens}, {1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0});
  Shape shape{kTokens, f.model.d_model};
  Owned tokens = random_tensor(DType::f64, shape, 1), out = zeros(DType::f64, shape);
  Owned in = out;

  explicit Layer(const ModelSection& model) : f(model) {
    params = routing_params(f.store, "layer", f.model, layers);
    const LayerDims dims{kSequences, kLength, 1, DType::f64};
    saved = f.allocate([&](Arena& arena) { return routing_plan(arena, f.model, dims); });
    in = Owned(DType::f64, {dispatch_sizes(f.model, dims).rows, f.model.d_model});
  }
  LayerContext context() { return f.context(kSequences, kLength, {}, valid); }
  void forward() {
    routing_forward(context(), params, saved, out, in, tokens, [&](Dispatch& travel) {
      travel.compute_parts([&](const ExpertRows& rows) { multiply(rows, travel.out(), in); });
    });
  }
  void backward(Tensor d_tokens, Tensor room, Tensor d_out) {
    const auto compute = [&](DispatchGrad& grad) {
      grad.compute_parts(
          [&](const ExpertRows& rows) { multiply(rows, grad.d_in(), grad.d_out()); });
    };
    routing_backward(context(), params, saved, d_tokens, room, d_out, tokens, compute);
  }
};

TEST_CASE("routing: to any callable, and its gradients", "[routing]") {
  Layer layer(routed_model(GENERATE(CapacityMode::fixed, CapacityMode::dropless)));
  Owned weight = random_tensor(DType::f64, layer.shape, 2), d_out = weight;
  Owned d_tokens = zeros(DType::f64, layer.shape);
  const auto loss = [&] {
    layer.forward();
    return weighted_sum(layer.out, weight);
  };
  loss();
  const RouterSaved& router = layer.saved.router;
  const int64_t d = layer.f.model.d_model;
  int routed = 0;
  for (int64_t t = 0; t < kTokens; ++t) {
    const bool kept = layer.saved.dispatch.slot.data<int32_t>()[t] >= 0;
    const double factor =
        kept ? router.gate.data<double>()[t] * (router.expert.data<int32_t>()[t] + 2) : 0.0;
    routed += kept;
    for (int64_t c = 0; c < d; ++c) {
      CHECK(layer.out.data<double>()[t * d + c] ==
            Approx(factor * layer.tokens.data<double>()[t * d + c]).epsilon(1e-14));
    }
  }
  CHECK(routed > 3);
  layer.f.model.experts.balance_loss = layer.f.model.experts.z_loss = 0;
  Owned room = zeros(DType::f64, layer.shape);
  const bool in_place = GENERATE(false, true);
  layer.backward(d_tokens, in_place ? d_out : room, d_out);
  if (!in_place) CHECK(same_bits(d_out, weight));
  CHECK(gradient_error(layer.tokens, d_tokens, loss) < kGradientTolerance);
  layer.f.check_params(loss);
}

TEST_CASE("routing: layers are numbered by one counter", "[routing]") {
  Layer layer(routed_model(CapacityMode::fixed));
  CHECK(layer.params.layer == 4);
  CHECK(layer.layers.routed_layers == 5);
  layer.forward();
  RouterStats stats;
  Owned counts = zeros(DType::i32, {5, 4}), sums = zeros(DType::f64, {2});
  Owned confidence = zeros(DType::f64, {5, 3});
  stats = {counts, sums.tensor().slice(0, 1), sums.tensor().slice(1, 1), confidence};
  for (const int32_t times : {1, 2}) {  // observing accumulates
    routing_observe(layer.context(), layer.params, layer.saved, stats);
    for (int64_t i = 0; i < 20; ++i) {
      const int32_t here = i < 16 ? 0 : layer.saved.dispatch.counts.data<int32_t>()[i - 16];
      CHECK(counts.data<int32_t>()[i] == times * here);
    }
    double top = 0;
    for (int64_t t = 0; t < kTokens; ++t) top += layer.saved.router.gate.data<double>()[t];
    CHECK(confidence.data<double>()[14] == Approx(times * top));
    CHECK(confidence.data<double>()[11] == 0);
    CHECK(sums.data<double>()[0] == times * layer.saved.router.losses.data<double>()[0]);
  }
}

}  // namespace
}  // namespace sy
