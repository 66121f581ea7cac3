// SPDX-License-Identifier: Apache-2.0
// The Switch sub-layer compared with a plain loop over tokens, and its gradients with differences.
#include "lib/model/moe/moe_ffn.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <tuple>

#include "tests/model/plain_moe_layer.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kLength = 5;

struct OneRank {
  std::unique_ptr<Communicator> world = make_self_communicator();
  Mesh mesh{*world, {}};
};

void check_forward(MoeLayer& layer, Tensor out, Tensor x, Tensor valid) {
  const PlainLayer plain(layer, x, valid);
  layer.forward(out, x, valid);
  double worst = 0;
  for (int64_t i = 0; i < out.numel(); ++i) {
    worst = std::max(worst, std::abs(out.data<double>()[i] - plain.out[static_cast<size_t>(i)]));
  }
  CHECK(worst < 1e-12);
  CHECK(layer.balance_sum() == Approx(plain.balance).epsilon(1e-12));
  CHECK(layer.z_sum() == Approx(plain.z).epsilon(1e-12));
  const int32_t* counts = layer.stats.counts.data<int32_t>();
  CHECK(std::vector<int32_t>(counts, counts + plain.counts.size()) == plain.counts);
  const auto check_choices = [&](double coefficient, ChoiceLoss loss, double expected) {
    const double is = layer.owned_stats.choice_sum(loss);
    CHECK(is == Approx(coefficient > 0 ? expected : 0.0).epsilon(1e-8));
  };
  const ExpertsSection& experts = layer.model.experts;
  check_choices(experts.second_place_loss, ChoiceLoss::second_place, plain.second_place);
  check_choices(experts.importance_loss, ChoiceLoss::importance, plain.importance);
  check_choices(experts.load_loss, ChoiceLoss::load, plain.load);
}

// Compares forward with the plain loop and every gradient with differences.
void check_layer(MoeLayer& layer, Tensor x, Tensor valid) {
  Owned weight = random_tensor(DType::f64, x.shape(), 2), out(DType::f64, x.shape());
  Owned d_x(DType::f64, x.shape());
  check_forward(layer, out, x, valid);
  const auto loss = [&] {
    layer.forward(out, x, valid);
    return weighted_sum(out, weight) + layer.extra_loss();
  };
  loss();
  layer.backward(d_x, weight, valid);
  CHECK(gradient_error(x, d_x, loss) < kGradientTolerance);
  for (Param& param : layer.store.all()) {
    INFO(param.name);
    CHECK(gradient_error(param.value, param.grad, loss) < kGradientTolerance);
  }
}

int32_t dropped_tokens(MoeLayer& layer) {
  return layer.stats.counts.data<int32_t>()[layer.model.experts.count];
}

// Routes every token to `expert`, if x is positive.
void favour(MoeLayer& layer, int64_t expert) {
  Param& router = *layer.params.routing.router.weight;
  const int64_t experts = router.shape[1];
  for (int64_t i = 0; i < router.value.numel(); ++i) {
    router.value.data<double>()[i] *= 0.1;
    if (i % experts == expert) router.value.data<double>()[i] += 0.3;
  }
}

Owned positive(Shape shape) {
  Owned x = random_tensor(DType::f64, shape, 1);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    x.data<double>()[i] = std::abs(x.data<double>()[i]) + 0.1;
  }
  return x;
}

TEST_CASE("moe_ffn: the plain loop, and gradients, in every mode", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  model.experts.capacity =
      GENERATE(CapacityMode::factor, CapacityMode::fixed, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength);
  check_layer(layer, x, valid);
  if (model.experts.capacity == CapacityMode::dropless) {
    CHECK(dropped_tokens(layer) == 0);
  } else {
    CHECK(dropped_tokens(layer) > 0);
  }
}

TEST_CASE("moe_ffn: two experts a token, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.top_k = 2;
  std::tie(model.experts.second_policy, model.experts.normalise_gates, model.experts.capacity) =
      GENERATE(std::tuple{SecondPolicy::random, true, CapacityMode::factor},
               std::tuple{SecondPolicy::random, false, CapacityMode::dropless},
               std::tuple{SecondPolicy::all, true, CapacityMode::dropless},
               std::tuple{SecondPolicy::threshold, false, CapacityMode::factor},
               std::tuple{SecondPolicy::none, true, CapacityMode::factor});
  model.experts.second_threshold = 0.45;
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength);
  check_layer(layer, x, valid);
  int32_t choices = 0;
  for (int64_t e = 0; e < 4; ++e) choices += layer.stats.counts.data<int32_t>()[e];
  const SecondPolicy policy = model.experts.second_policy;
  if (policy == SecondPolicy::all) CHECK(choices == 2 * 20);
  if (policy == SecondPolicy::none) CHECK(choices == 20);
  if (policy == SecondPolicy::random) CHECK((choices > 20 && choices < 40));
}

// 400 tokens of one group choose an expert with 280 slots: above 256 they share them.
TEST_CASE("moe_ffn: places rounded to bfloat16, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.count = 2;
  model.experts.router_precision =
      GENERATE(RouterPrecision::mesh_tensorflow_bfloat16, RouterPrecision::bfloat16_places);
  const bool alone = model.experts.router_precision == RouterPrecision::bfloat16_places;
  if (alone) {
    model.experts.shared_expert = 3;
    model.experts.balance_bias = 0.01;
  } else {
    model.activation = Activation::gelu;  // of so many tokens some would be at relu's kink
  }
  model.experts.capacity = CapacityMode::fixed;
  model.experts.fixed_capacity = 280;
  model.experts.group_sequences = 80;
  model.experts.dropout = 0;
  OneRank one;
  MoeLayer layer(model, one.mesh, 80, kLength);
  favour(layer, 1);
  Owned x = positive({80 * kLength, model.d_model}), out(DType::f64, x.tensor().shape());
  Owned valid = valid_tokens(std::vector<int64_t>(80, kLength), kLength);
  check_forward(layer, out, x, valid);
  CHECK(layer.stats.counts.data<int32_t>()[1] == 400);
  CHECK(dropped_tokens(layer) == 400 - 279);  // place 279 is rounded up to 280
  // Kernels executed on the host are slow; kernels.shared_slots has their gradients.
  if (alone || test_backend() == Backend::cuda) return;
  Owned weight = random_tensor(DType::f64, x.tensor().shape(), 2);
  Owned d_x(DType::f64, x.tensor().shape());
  const auto loss = [&] {
    layer.forward(out, x, valid);
    return weighted_sum(out, weight) + layer.extra_loss();
  };
  loss();
  layer.backward(d_x, weight, valid);
  CHECK(gradient_error(x.tensor().slice(256, 9), d_x.tensor().slice(256, 9), loss) <
        kGradientTolerance);
  for (Param& param : layer.store.all()) {
    INFO(param.name);
    CHECK(gradient_error(param.value, param.grad, loss) < kGradientTolerance);
  }
}

TEST_CASE("moe_ffn: experts by a hash of the token, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.routing = Routing::hash;
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 5, kLength);
  CHECK(layer.store.find("moe/router") == nullptr);
  Owned x = random_tensor(DType::f64, {5 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 2}, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: experts chosen with a bias, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.balance_bias = 0.01;
  std::tie(model.experts.top_k, model.experts.normalise_gates, model.experts.capacity) = GENERATE(
      std::tuple{1, true, CapacityMode::factor}, std::tuple{2, true, CapacityMode::dropless},
      std::tuple{2, false, CapacityMode::factor});
  model.experts.second_policy = SecondPolicy::all;
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  Owned x = random_tensor(DType::f64, {4 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 2}, kLength), out(DType::f64, x.tensor().shape());
  // Without it, expert 3 would have some first choices.
  const Tensor bias = layer.params.routing.router.bias->value;
  for (int64_t e = 0; e < 4; ++e)
    bias.data<double>()[e] = e == 3 ? -1.0 : 0.1 * static_cast<double>(e);
  check_layer(layer, x, valid);
  const int32_t* counts = layer.stats.counts.data<int32_t>();
  CHECK(counts[3] == 0);
  layer.step.training = false;
  check_forward(layer, out, x, valid);
}

TEST_CASE("moe_ffn: an expert that all tokens share, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.shared_expert = 5;
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.dropout = GENERATE(0.25, 0.0);
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: no token is left behind, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.routing = Routing::no_token_left_behind;
  // Places for all tokens of full groups, and for fewer.
  std::tie(model.experts.ntlb_top_k, model.experts.capacity_factor, model.experts.balance_bias) =
      GENERATE(std::tuple{4, 1.3, 0.0}, std::tuple{2, 0.7, 0.0}, std::tuple{3, 0.7, 0.01});
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength), out(DType::f64, x.tensor().shape());
  check_layer(layer, x, valid);
  CHECK((dropped_tokens(layer) == 0) == (model.experts.capacity_factor > 1));
  layer.step.training = false;
  check_forward(layer, out, x, valid);
}

TEST_CASE("moe_ffn: experts choose tokens, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.routing = Routing::expert_choice;
  std::tie(model.experts.capacity, model.experts.exploration, model.experts.capacity_factor) =
      GENERATE(std::tuple{CapacityMode::factor, Exploration::jitter, 0.7},
               std::tuple{CapacityMode::factor, Exploration::input_dropout, 2.0},
               std::tuple{CapacityMode::fixed, Exploration::argmax, 1.0});
  if (test_backend() == Backend::cuda && model.experts.capacity_factor != 0.7) return;  // slow
  model.experts.router_dropout = 0.25;
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength), out(DType::f64, x.tensor().shape());
  check_layer(layer, x, valid);
  CHECK(layer.balance_sum() == 0);
  const int32_t* counts = layer.stats.counts.data<int32_t>();
  CHECK((counts[0] == counts[1] && counts[1] == counts[2] && counts[2] == counts[3]));
  if (model.experts.capacity_factor == 0.7) CHECK(dropped_tokens(layer) > 0);
  layer.step.training = false;
  check_forward(layer, out, x, valid);
}

TEST_CASE("moe_ffn: losses of choices, noise of the logits, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  std::tie(model.experts.top_k, model.experts.capacity) =
      GENERATE(std::tuple{1, CapacityMode::factor}, std::tuple{2, CapacityMode::dropless},
               std::tuple{2, CapacityMode::factor});
  if (test_backend() == Backend::cuda && model.experts.capacity == CapacityMode::dropless) return;
  model.experts.exploration = Exploration::noise;
  model.experts.second_policy = SecondPolicy::random;
  model.experts.second_threshold = 0.45;
  model.experts.importance_loss = 0.4;
  model.experts.load_loss = 0.3;
  if (model.experts.top_k == 2) model.experts.second_place_loss = 0.2;
  OneRank one;
  MoeLayer layer(model, one.mesh, 6, kLength);
  Owned x = random_tensor(DType::f64, {6 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 5, 0, 2}, kLength), out(DType::f64, x.tensor().shape());
  check_layer(layer, x, valid);
  layer.step.training = false;
  check_forward(layer, out, x, valid);
}

TEST_CASE("moe_ffn: full experts take a first choice before any second one", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.count = 2;
  model.experts.top_k = 2;
  model.experts.second_policy = SecondPolicy::all;
  model.experts.capacity = CapacityMode::fixed;
  OneRank one;
  MoeLayer layer(model, one.mesh, 2, kLength);
  favour(layer, 1);
  Owned x = positive({2 * kLength, model.d_model}), out(DType::f64, x.tensor().shape());
  Owned valid = valid_tokens({5, 5}, kLength);
  check_forward(layer, out, x, valid);
  // Ten tokens prefer expert 1, which takes three; each of them also has a second choice, of which
  // expert 0 takes three.
  const int32_t* counts = layer.stats.counts.data<int32_t>();
  CHECK(std::vector<int32_t>(counts, counts + 3) == std::vector<int32_t>{10, 10, 14});
}

TEST_CASE("moe_ffn: exploration in training and evaluation, and gradients", "[moe_ffn]") {
  ModelSection model = moe_model();
  std::tie(model.experts.exploration, model.experts.eval_exploration, model.experts.capacity) =
      GENERATE(
          std::tuple{Exploration::argmax, EvalExploration::sample, CapacityMode::factor},
          std::tuple{Exploration::sample, EvalExploration::argmax, CapacityMode::dropless},
          std::tuple{Exploration::input_dropout, EvalExploration::argmax, CapacityMode::factor});
  model.experts.sample_temperature = 2.0;
  model.experts.router_dropout = 0.25;
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  Owned x = random_tensor(DType::f64, {4 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 2}, kLength), out(DType::f64, x.tensor().shape());
  check_layer(layer, x, valid);
  layer.step.training = false;
  check_forward(layer, out, x, valid);
}

TEST_CASE("moe_ffn: with masks that are constant along the length", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.dropout_broadcast = DropoutBroadcast::length;
  model.dropout = 0.5;
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  Owned x = random_tensor(DType::f64, {4 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3, 5, 2}, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: all tokens to one expert, the others without any", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  favour(layer, 2);
  Owned x = positive({4 * kLength, model.d_model});
  Owned valid = valid_tokens({5, 5, 1, 4}, kLength);
  check_layer(layer, x, valid);
  CHECK(layer.stats.counts.data<int32_t>()[2] == 15);
  const Tensor unused = layer.params.experts.wi->grad.at(0);
  CHECK(weighted_sum(unused, unused) == 0);
}

TEST_CASE("moe_ffn: one expert takes every token", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.count = 1;
  OneRank one;
  MoeLayer layer(model, one.mesh, 2, kLength);
  Owned x = random_tensor(DType::f64, {2 * kLength, model.d_model}, 1);
  Owned valid = valid_tokens({5, 3}, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: fewer sequences than planned, and a group that is not full", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  const std::vector<int64_t> lengths =
      GENERATE(std::vector<int64_t>{4}, std::vector<int64_t>{5, 2, 5}, std::vector<int64_t>{});
  OneRank one;
  MoeLayer layer(model, one.mesh, 5, kLength);
  const int64_t sequences = static_cast<int64_t>(lengths.size());
  Owned x = random_tensor(DType::f64, {sequences * kLength, model.d_model}, 1);
  Owned valid = valid_tokens(lengths, kLength);
  check_layer(layer, x, valid);
}

TEST_CASE("moe_ffn: evaluation has its own capacity and no randomness", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.activation = Activation::geglu;
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  layer.step.training = false;
  favour(layer, 1);
  Owned x = positive({4 * kLength, model.d_model}), out(DType::f64, {4 * kLength, model.d_model});
  Owned valid = valid_tokens({5, 5, 5, 5}, kLength);
  check_forward(layer, out, x, valid);
  CHECK(dropped_tokens(layer) == 2 * (10 - 3));  // int(10 * 1.5 / 4) of each group are kept
}

TEST_CASE("moe_ffn: without a valid token everything passes by", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), d_out = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  Owned valid = valid_tokens({0, 0, 0, 0}, kLength);
  layer.forward(out, x, valid);
  layer.backward(d_x, d_out, valid);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(out.data<double>()[i] == x.data<double>()[i]);
    CHECK(d_x.data<double>()[i] == d_out.data<double>()[i]);
  }
  for (const Param& param : layer.store.all()) CHECK(weighted_sum(param.grad, param.grad) == 0);
  CHECK(layer.extra_loss() == 0);
}

TEST_CASE("moe_ffn: the gradient may go down in place, and parameters accumulate", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.dropout = GENERATE(0.25, 0.0);
  OneRank one;
  MoeLayer layer(model, one.mesh, 4, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), in_place = random_tensor(DType::f64, shape, 2);
  Owned out(DType::f64, shape), d_x(DType::f64, shape);
  Owned valid = valid_tokens({5, 3, 0, 4}, kLength);
  layer.forward(out, x, valid);
  layer.backward(d_x, in_place, valid);
  const Tensor grads = layer.store.regions().back().grads;  // the experts'
  const std::vector<double> once(grads.data<double>(), grads.data<double>() + grads.numel());
  layer.backward(in_place, in_place, valid);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    CHECK(d_x.data<double>()[i] == in_place.data<double>()[i]);
  }
  double worst = 0;
  for (size_t i = 0; i < once.size(); ++i) {
    worst = std::max(worst, std::abs(grads.data<double>()[i] - 2 * once[i]));
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("moe_ffn: micro-batches make the batch", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  OneRank one;
  MoeLayer whole(model, one.mesh, 4, kLength), half(model, one.mesh, 2, kLength);
  const Shape shape{4 * kLength, model.d_model};
  Owned x = random_tensor(DType::f64, shape, 1), out(DType::f64, shape), part(DType::f64, shape);
  Owned valid = valid_tokens({5, 3, 4, 5}, kLength);
  whole.forward(out, x, valid);
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t rows = 2 * kLength;
    half.step.first_sequence = whole.step.first_sequence + 2 * i;
    half.forward(part.tensor().slice(i * rows, rows), x.tensor().slice(i * rows, rows),
                 valid.tensor().slice(i * rows, rows));
  }
  double worst = 0;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    worst = std::max(worst, std::abs(out.data<double>()[i] - part.data<double>()[i]));
  }
  CHECK(worst < 1e-13);
}

TEST_CASE("moe_ffn: float32 agrees with float64", "[moe_ffn]") {
  ModelSection model = moe_model();
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.d_model = 32;
  model.d_ff = 48;
  OneRank one;
  MoeLayer layer(model, one.mesh, 16, 20, DType::f32), layer64(model, one.mesh, 16, 20);
  const Shape shape{16 * 20, model.d_model};
  Owned x = random_tensor(DType::f32, shape, 1), weight = random_tensor(DType::f32, shape, 2);
  Owned x64(DType::f64, shape), weight64(DType::f64, shape), out64(DType::f64, shape);
  Owned out(DType::f32, shape), d_x(DType::f32, shape), d_x64(DType::f64, shape);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    x64.data<double>()[i] = static_cast<double>(x.data<float>()[i]);
    weight64.data<double>()[i] = static_cast<double>(weight.data<float>()[i]);
  }
  Owned valid = valid_tokens(std::vector<int64_t>(16, 18), 20);
  layer.forward(out, x, valid);
  layer.backward(d_x, weight, valid);
  layer64.forward(out64, x64, valid);
  layer64.backward(d_x64, weight64, valid);
  const auto difference = [](Tensor a, Tensor b) {
    double worst = 0;
    for (int64_t i = 0; i < a.numel(); ++i) {
      worst =
          std::max(worst, std::abs(static_cast<double>(a.data<float>()[i]) - b.data<double>()[i]));
    }
    return worst;
  };
  CHECK(difference(out, out64) < 1e-4);
  CHECK(difference(d_x, d_x64) < 1e-4);
  for (Param& param : layer.store.all()) {
    INFO(param.name);
    CHECK(difference(param.grad, layer64.store.find(param.name)->grad) < 2e-3);
  }
}

}  // namespace
}  // namespace sy
