// SPDX-License-Identifier: Apache-2.0
// The whole model in bfloat16 compared with float32, with the same weights and random numbers. With
// half of all seeds, two experts are so close to a tie, or an input of ReLU so close to 0, that
// rounding decides; not with the seed used here.
#include <catch2/catch.hpp>
#include <cmath>
#include <utility>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 9, kDecoderLength = 6;
const std::vector<int32_t> kEncoderLengths{9, 4, 1, 7};
const std::vector<int32_t> kDecoderLengths{3, 6, 1, 5};

ModelSection sparse_model() {
  ModelSection model = tiny_model();
  model.d_model = 8;  // a width for CUDA's fused router
  model.experts.count = 3;
  model.experts.interval = 1;
  model.experts.balance_loss = 0.1;
  model.experts.z_loss = 0.1;
  return model;
}

struct Pair {
  ModelFixture f32, bf16;
  OwnedBatch batch;

  explicit Pair(const ModelSection& section)
      : f32(section, {4, kEncoderLength, kDecoderLength}, DType::f32),
        bf16(section, {4, kEncoderLength, kDecoderLength}, DType::bf16),
        batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
              kDecoderLengths) {
    for (ModelFixture* f : {&f32, &bf16}) {
      randomize(f->model.params(), 27, 0.1);
      f->model.params().update_compute(*f->exec);
      f->step.loss_scale = 1.0 / static_cast<double>(batch.target_tokens());
      f->step.group_scale = 0.5;
      f->step.seed = 7;
    }
  }
  void backward() {
    for (ModelFixture* f : {&f32, &bf16}) f->model.backward(*f->exec, batch.batch(), f->step);
  }
};

std::vector<int32_t> counts_of(SwitchModel& model) {
  const Tensor counts = model.router_stats().counts;
  const int32_t* first = counts.data<int32_t>();
  return {first, first + counts.numel()};
}

double norm(Tensor x) {
  double squares = 0;
  for (int64_t i = 0; i < x.numel(); ++i) squares += std::pow(double{x.data<float>()[i]}, 2);
  return std::sqrt(squares);
}

double distance(Tensor a, Tensor b) {
  double squares = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    squares += std::pow(double{a.data<float>()[i]} - double{b.data<float>()[i]}, 2);
  }
  return std::sqrt(squares);
}

TEST_CASE("bfloat16: loss and gradients are float32's to bfloat16's precision", "[bfloat16]") {
  ModelSection section = GENERATE(tiny_model(), sparse_model());
  section.activation = GENERATE(Activation::relu, Activation::geglu);
  section.tie_embeddings = GENERATE(true, false);
  section.dropout = GENERATE(0.0, 0.1);
  Pair pair(section);
  const double exact = pair.f32.total_loss(pair.batch.batch());
  CHECK(pair.bf16.total_loss(pair.batch.batch()) == Approx(exact).epsilon(0.01));
  // Close to a tie between experts the two could choose differently; with these weights and masks
  // there is none.
  REQUIRE(counts_of(pair.f32.model) == counts_of(pair.bf16.model));
  pair.backward();
  double whole = 0, apart = 0;
  for (const Param& param : pair.f32.model.params().all()) {
    const Param& other = *pair.bf16.model.params().find(param.name);
    const double size = norm(param.grad), difference = distance(param.grad, other.grad);
    whole += size * size;
    apart += difference * difference;
    // Where large terms cancel, their rounding errors dominate; a missing or doubled term would be
    // larger still.
    INFO(param.name << ": " << difference << " of " << size);
    CHECK(difference < 0.25 * size + 1e-6);
  }
  CHECK(std::sqrt(apart / whole) < 0.03);
}

TEST_CASE("bfloat16: weights and gradients stay float32, activations take half", "[bfloat16]") {
  Pair pair(sparse_model());
  ParamStore& params = pair.bf16.model.params();
  for (const Param& param : params.all()) {
    CHECK(param.value.dtype() == DType::f32);
    CHECK(param.grad.dtype() == DType::f32);
    CHECK(param.compute.dtype() == DType::bf16);
    for (int64_t i = 0; i < param.value.numel(); ++i) {
      REQUIRE(float(param.compute.data<BFloat16>()[i]) ==
              float(BFloat16(param.value.data<float>()[i])));
    }
  }
  const auto memory = pair.bf16.model.memory(), wide = pair.f32.model.memory();
  constexpr int64_t kPage = 4096;  // regions are whole pages
  CHECK(std::abs(2 * memory.parameters - 3 * wide.parameters) <= 3 * kPage);
  CHECK(memory.gradients == wide.gradients);
  CHECK(memory.activations < 0.75 * static_cast<double>(wide.activations));
}

// A change of the router weights too small for bfloat16 changes the losses if the router computes
// in float32, but not if it computes in bfloat16.
TEST_CASE("bfloat16: the router is float32 inside unless asked", "[bfloat16]") {
  ModelSection section = sparse_model();
  section.experts.router_precision =
      GENERATE(RouterPrecision::float32, RouterPrecision::bfloat16_places,
               RouterPrecision::bfloat16, RouterPrecision::mesh_tensorflow_bfloat16);
  const bool exact = !router_rounding(section.experts).weight;
  Pair pair(section);
  ParamStore& params = pair.bf16.model.params();
  pair.bf16.total_loss(pair.batch.batch());
  const double before = *pair.bf16.model.router_stats().z.data<double>();
  for (Param& param : params.all()) {
    if (!param.name.ends_with("/router")) continue;
    for (int64_t i = 0; i < param.value.numel(); ++i) {
      // The nearest bfloat16, plus a little that rounding removes.
      float& weight = param.value.data<float>()[i];
      weight = float(BFloat16(weight)) * (1.0f + 0x1p-11f);
    }
  }
  params.update_compute(*pair.bf16.exec);
  pair.bf16.total_loss(pair.batch.batch());
  CHECK((*pair.bf16.model.router_stats().z.data<double>() != before) == exact);
}

// The definition: as if the weights were bfloat16 numbers, and all else as in float32.
TEST_CASE("bfloat16: a router that rounds its weights alone", "[bfloat16]") {
  ModelSection section = sparse_model();
  section.experts.jitter = 0.1;
  section.experts.exploration = GENERATE(Exploration::jitter, Exploration::input_dropout);
  Pair exact(section);
  section.experts.router_precision = RouterPrecision::bfloat16_weight;
  Pair rounded(section);
  const auto both = [](Pair& pair) {
    for (ModelFixture* f : {&pair.f32, &pair.bf16}) {
      f->clear_gradients();  // the output layer's is taken in forward
      f->total_loss(pair.batch.batch());
    }
    return std::pair{*pair.f32.model.router_stats().z.data<double>(),
                     *pair.bf16.model.router_stats().z.data<double>()};
  };
  const auto before = both(exact), now = both(rounded);
  CHECK((before.first != now.first && before.second != now.second));
  for (ModelFixture* f : {&exact.f32, &exact.bf16}) {
    for (Param& param : f->model.params().all()) {
      if (!param.name.ends_with("/router")) continue;
      for (int64_t i = 0; i < param.value.numel(); ++i) {
        float& weight = param.value.data<float>()[i];
        weight = float(BFloat16(weight));
      }
    }
    f->model.params().update_compute(*f->exec);
  }
  CHECK(both(exact) == now);
  exact.backward();
  rounded.backward();
  const auto same_gradients = [](ModelFixture& a, ModelFixture& b) {
    for (const Param& param : a.model.params().all()) {
      INFO(param.name);
      CHECK(distance(param.grad, b.model.params().find(param.name)->grad) == 0);
    }
  };
  same_gradients(exact.f32, rounded.f32);
  same_gradients(exact.bf16, rounded.bf16);
}

}  // namespace
}  // namespace sy
