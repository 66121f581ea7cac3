// SPDX-License-Identifier: Apache-2.0
// Gradients of the whole model compared with central differences in float64: every parameter, with
// dropout, with padding in both stacks. Gradients of other backends are compared with those of the
// CPU.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/model/fixture.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kEncoderLength = 7, kDecoderLength = 5;
const std::vector<int32_t> kEncoderLengths{7, 4, 1, 6};
const std::vector<int32_t> kDecoderLengths{3, 5, 1, 4};

// Computes the gradients of the fixture's loss; returns the loss.
double differentiate(ModelFixture& f, const OwnedBatch& batch) {
  randomize(f.model.params(), 17);
  f.step.loss_scale = 1.0 / static_cast<double>(batch.target_tokens());
  f.step.group_scale = 0.5;
  f.step.logit_z_loss = 0.1;
  f.step.first_sequence = 8;
  f.clear_gradients();
  const double loss = f.total_loss(batch.batch());
  f.model.backward(*f.exec, batch.batch(), f.step);
  return loss;
}

// Compares all gradients with those of the CPU, which are checked against differences.
void compare_with_cpu(ModelFixture& f, const OwnedBatch& batch, double loss) {
  const ModelShape shape{4, kEncoderLength, kDecoderLength};
  ModelFixture cpu(f.model.config(), shape, DType::f64, true, 1, Backend::cpu);
  CHECK(loss == Approx(differentiate(cpu, batch)).epsilon(1e-12));
  for (const Param& param : f.model.params().all()) {
    INFO(param.name);
    const double *ours = param.grad.data<double>(),
                 *theirs = cpu.model.params().find(param.name)->grad.data<double>();
    double worst = 0;
    for (int64_t i = 0; i < param.grad.numel(); ++i) {
      const double difference = std::abs(ours[i] - theirs[i]);
      worst = difference >= 0 ? std::max(worst, difference) : INFINITY;
    }
    CHECK(worst < 1e-11);
  }
}

void check_every_parameter(const ModelSection& section, double difference,
                           Recompute recompute = Recompute::none) {
  const ModelShape shape{4, kEncoderLength, kDecoderLength, recompute};
  ModelFixture f(section, shape, DType::f64, true, 1);
  OwnedBatch batch(kEncoderLength, kDecoderLength, section.vocab_size.value, kEncoderLengths,
                   kDecoderLengths);
  const double first_loss = differentiate(f, batch);
  if (test_backend() != Backend::cpu) return compare_with_cpu(f, batch, first_loss);
  const auto loss = [&] { return f.total_loss(batch.batch()); };
  if (section.experts.count > 0 && section.experts.capacity != CapacityMode::dropless) {
    const Tensor counts = f.model.router_stats().counts;
    CHECK(counts.data<int32_t>()[section.experts.count] > 0);  // at least one token is dropped
  }
  // A training forward pass adds to the gradient of the output projection, so save what backward
  // computed.
  std::vector<Owned> gradients;
  for (Param& param : f.model.params().all()) {
    gradients.emplace_back(DType::f64, param.grad.shape());
    std::copy_n(param.grad.data<double>(), param.grad.numel(), gradients.back().data<double>());
  }
  for (Param& param : f.model.params().all()) {
    INFO(param.name);
    Owned& gradient = gradients[static_cast<size_t>(param.number)];
    CHECK(gradient_error(param.value, gradient, loss, difference) < kGradientTolerance);
  }
}

TEST_CASE("model_gradient: dense", "[model_gradient]") {
  ModelSection model = tiny_model();
  model.activation = GENERATE(Activation::relu, Activation::gelu, Activation::geglu);
  model.tie_embeddings = GENERATE(true, false);
  model.dropout = 0.2;
  check_every_parameter(model, 1e-5);
}

// Routing and drops are piecewise constant: with this seed, differences of 1e-6 do not change them.
TEST_CASE("model_gradient: sparse", "[model_gradient]") {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(3, GENERATE(1, 2)));
  model.experts.capacity = GENERATE(CapacityMode::factor, CapacityMode::dropless);
  model.activation = GENERATE(Activation::relu, Activation::geglu);
  check_every_parameter(model, 1e-6);
}

TEST_CASE("model_gradient: recomputed", "[model_gradient]") {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(3, 2));
  model.encoder_layers = model.decoder_layers = 3;
  model.experts.capacity = CapacityMode::dropless;
  model.activation = Activation::geglu;
  check_every_parameter(model, 1e-6, GENERATE(Recompute::experts, Recompute::blocks));
}

TEST_CASE("model_gradient: routed in groups of tokens", "[model_gradient]") {
  ModelSection model = with_noise_and_losses(tiny_sparse_model(3));
  model.experts.group_tokens.encoder = {false, 4};  // 28 and 20 tokens
  model.experts.group_tokens.decoder = {false, 10};
  check_every_parameter(model, 1e-6);
}

// Two sparse layers per stack share the load-balancing loss; padding is routed and takes part in
// both losses.
TEST_CASE("model_gradient: convention hugging_face", "[model_gradient]") {
  ModelSection model = with_noise_and_losses(tiny_hugging_face_model(3, GENERATE(1, 2)));
  model.experts.capacity = GENERATE(CapacityMode::fixed, CapacityMode::dropless);
  check_every_parameter(model, 1e-6);
}

}  // namespace
}  // namespace sy
