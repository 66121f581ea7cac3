// SPDX-License-Identifier: Apache-2.0
// Auxiliary losses of a stack under experts.convention hugging_face. switch_model_test compares the
// whole model with plain loops, model_gradient_test its gradients.
#include "lib/model/moe/router_losses.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/dispatch/dispatch.h"
#include "lib/model/moe/router.h"
#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

ModelSection hugging_face(int64_t experts, int64_t interval = 2) {
  ModelSection model = with_noise_and_losses(tiny_hugging_face_model(experts, interval));
  model.experts.jitter = 0;
  return model;
}

// The routers of a stack, each with its own input. An expert takes `capacity` tokens of a sequence.
class Routers {
 public:
  static constexpr size_t kLayers = 2;

  Routers(LayerFixture& fixture, int64_t sequences, int64_t length, int64_t capacity)
      : f_(fixture),
        sequences_(sequences),
        length_(length),
        capacity_(capacity),
        valid_(int_tensor({sequences * length},
                          std::vector<int32_t>(static_cast<size_t>(sequences * length), 1))) {
    for (const char* name : {"first", "second"}) {
      params_.push_back(router_params(f_.store, name, f_.model));
    }
    const LayerDims dims{sequences, length, 1, DType::f64};
    shares = f_.allocate([&](Arena& arena) {
      saved_.clear();
      for (size_t i = 0; i < kLayers; ++i) saved_.push_back(router_plan(arena, f_.model, dims));
      const int64_t dense = f_.model.experts.interval > 1 ? 1 : 0;  // layers of the stack
      return stack_shares_plan(arena, f_.model, dims, kLayers, kLayers + dense);
    });
  }

  // The losses of both layers, with coefficients and group scale.
  double forward(const std::vector<Owned>& inputs) {
    f_.stats.clear();
    const LayerContext now = context();
    std::vector<Owned> slots;
    for (size_t i = 0; i < kLayers; ++i) {
      Owned x = inputs[i];
      route_forward(now, params_[i], saved_[i], x);
      Owned slot(DType::i32, {sequences_ * length_, 1}),
          counts(DType::i32, {f_.model.experts.count + 1}),
          token(DType::i32, {f_.model.experts.count * sequences_ * capacity_});
      assign_slots(*f_.exec, slot, token, counts, saved_[i].expert, sequences_, capacity_);
      slots.push_back(slot);
    }
    begin_stack_losses(now);
    for (size_t i = 0; i < kLayers; ++i) observe_router(now, saved_[i], slots[i], f_.stats.stats);
    end_stack_losses(now, f_.stats.stats);
    return f_.step.group_scale * (0.3 * f_.stats.balance_sum() + 0.2 * f_.stats.z_sum());
  }

  void backward(size_t layer, Tensor d_x, Tensor x) {
    Owned d_gate(DType::f64, {sequences_ * length_, 1});
    route_backward(context(), params_[layer], saved_[layer], d_x, d_gate, x);
  }

  Tensor weight(size_t layer) { return params_[layer].weight->value; }
  StackShares shares;

 private:
  LayerContext context() {
    LayerContext context = f_.context(sequences_, length_, {}, valid_);
    context.stack_shares = shares;
    return context;
  }

  LayerFixture& f_;
  int64_t sequences_, length_, capacity_;
  Owned valid_;
  std::vector<RouterParams> params_;
  std::vector<RouterSaved> saved_;
};

// Inputs whose softmax is `probs` if the weight is the identity.
Owned logarithms(const std::vector<double>& probs) {
  Owned x(DType::f64, {static_cast<int64_t>(probs.size()) / 2, 2});
  for (size_t i = 0; i < probs.size(); ++i) x.data<double>()[i] = std::log(probs[i]);
  return x;
}

TEST_CASE("router_losses: a stack of two layers worked by hand", "[router_losses]") {
  ModelSection model = hugging_face(2);
  model.d_model = 2;
  LayerFixture f(model);
  Routers routers(f, 1, 2, 1);
  for (const size_t layer : {0, 1}) {
    const double identity[] = {1, 0, 0, 1};
    std::copy_n(identity, 4, routers.weight(layer).data<double>());
  }
  // In the first layer both tokens choose expert 1; the second is dropped and counts for expert 0.
  // In the second layer each has its own expert. Its logits are shifted by ln 4, which affects only
  // logsumexp.
  routers.forward({logarithms({0.3, 0.7, 0.1, 0.9}), logarithms({0.6 * 4, 0.4 * 4, 0.8, 3.2})});
  const double p0 = (0.3 + 0.1 + 0.6 + 0.2) / 4, p1 = 1 - p0, ln4 = std::log(4.0);
  CHECK(routers.shares.fraction.data<double>()[0] == 0.5);
  CHECK(routers.shares.mean_prob.data<double>()[0] == Approx(p0));
  CHECK(f.stats.balance_sum() == Approx(2 * (0.5 * p0 + 0.5 * p1)));
  CHECK(f.stats.z_sum() == Approx(2 * ln4 * ln4 / 4));
  // Three of four tokens to expert 0.
  routers.forward({logarithms({0.7, 0.3, 0.9, 0.1}), logarithms({0.6, 0.4, 0.2, 0.8})});
  CHECK(routers.shares.fraction.data<double>()[0] == 0.75);
  CHECK(f.stats.balance_sum() == Approx(2 * (0.75 * 0.6 + 0.25 * 0.4)));
  CHECK(f.stats.z_sum() == Approx(0).margin(1e-15));
}

TEST_CASE("router_losses: gradients through every layer of the stack", "[router_losses]") {
  LayerFixture f(hugging_face(3));
  f.step.group_scale = 0.25;
  const int64_t sequences = 3, length = 5;
  Routers routers(f, sequences, length, 2);
  const Shape stream{sequences * length, f.model.d_model};
  std::vector<Owned> inputs{random_tensor(DType::f64, stream, 1),
                            random_tensor(DType::f64, stream, 2)};
  const auto loss = [&] { return routers.forward(inputs); };
  CHECK(loss() > 0);
  for (const size_t layer : {1, 0}) {
    Owned d_x(DType::f64, stream);
    loss();
    routers.backward(layer, d_x, inputs[layer]);
    CHECK(gradient_error(inputs[layer], d_x, loss) < kGradientTolerance);
  }
  f.check_params(loss);
}

TEST_CASE("router_losses: none where every layer is sparse", "[router_losses]") {
  LayerFixture f(hugging_face(3, 1));
  Routers routers(f, 2, 4, 2);
  const Shape stream{8, f.model.d_model};
  std::vector<Owned> inputs{random_tensor(DType::f64, stream, 1),
                            random_tensor(DType::f64, stream, 2)};
  CHECK(routers.forward(inputs) == 0);
  Owned d_x = random_tensor(DType::f64, stream, 3);
  routers.backward(0, d_x, inputs[0]);
  CHECK(weighted_sum(d_x, d_x) == 0);
}

}  // namespace
}  // namespace sy
