// SPDX-License-Identifier: Apache-2.0
// Whole training steps compared with plain float64 training: gradients, ranks, micro-batches,
// schedule and optimiser together, on batches in which all ranks and micro-batches have different
// numbers of tokens.
#include <catch2/catch.hpp>

#include "kernels/gemm/gemm.h"
#include "lib/base/random.h"
#include "lib/tensor/bfloat16.h"
#include "lib/tensor/transfer.h"
#include "tests/train/alone.h"
#include "tests/train/plain_training.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

constexpr int64_t kSteps = 3;
constexpr double kBfloat16Tolerance = 0.005;  // of a loss, relative

// Coefficients, rates and a clipping norm that all affect these steps.
std::vector<std::string> numbers_config(std::vector<std::string> more = {}) {
  std::vector<std::string> overrides{"model.vocab_size=64",
                                     "data.extra_ids=10",
                                     "model.d_model=16",
                                     "model.num_heads=2",
                                     "model.d_ff=24",
                                     "model.experts.jitter=0.1",
                                     "model.experts.capacity_factor=0.8",
                                     "model.experts.min_capacity=2",
                                     "model.experts.balance_loss=0.5",
                                     "model.experts.z_loss=0.2",
                                     "model.experts.group_tokens.encoder=8",
                                     "train.logit_z_loss=0.1",
                                     "data.encoder_length=12",
                                     "train.steps=6",
                                     "optimizer.factor_from=8",
                                     "optimizer.weight_decay=0.1",
                                     "optimizer.epsilon=0.001",
                                     "optimizer.learning_rate=0.1",
                                     "optimizer.clip_norm=0.5",
                                     "optimizer.schedule=linear",
                                     "optimizer.warmup_steps=2"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

// Targets get longer through the batch and inputs shorter; one example is empty.
std::vector<Example> uneven_examples(const RunConfig& config, int64_t step) {
  const int64_t count = config.train.global_batch;
  std::vector<Example> examples = synthetic_examples(config, step * count, count);
  for (int64_t i = 0; i < count; ++i) {
    Example& example = examples[static_cast<size_t>(i)];
    const auto share = [&](const std::vector<int32_t>& ids, int64_t place) {
      return static_cast<size_t>(1 + static_cast<int64_t>(ids.size() - 1) * place / (count - 1));
    };
    example.inputs.resize(share(example.inputs, count - 1 - (i * 5 + step) % count));
    example.targets.resize(share(example.targets, i));
  }
  examples[static_cast<size_t>(3 + step)] = {};
  return examples;
}

Numbers read(Exec& exec, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.numel()));
  download(exec, Tensor(values.data(), DType::f32, tensor.shape()), tensor);
  return {values.begin(), values.end()};
}

// The shard at `place` of a whole tensor of `global` shape.
Numbers local_part(const Numbers& whole, const Placement& placement, const Shape& global,
                   const MeshPlace& place) {
  const Slab slab = placement.slab(global, place);
  Numbers part;
  for (int64_t i = 0; i < slab.numel(); ++i) {
    part.push_back(whole[static_cast<size_t>(index_in_whole(slab, global, i))]);
  }
  return part;
}

// || is - expected || within `tolerance` of || expected - before ||.
void check_change(const Numbers& is, const Numbers& expected, const Numbers& before,
                  double tolerance) {
  REQUIRE(is.size() == expected.size());
  double error = 0, change = 0;
  for (size_t i = 0; i < is.size(); ++i) {
    error += (is[i] - expected[i]) * (is[i] - expected[i]);
    change += (expected[i] - before[i]) * (expected[i] - before[i]);
  }
  CHECK(std::sqrt(error) <= tolerance * std::sqrt(change));
}

void check_numbers(const StepResult& is, const PlainStep& expected) {
  CHECK(is.updated);
  CHECK(is.loss == Approx(expected.loss).epsilon(1e-5));
  CHECK(is.grad_norm == Approx(expected.grad_norm).epsilon(1e-5));
  CHECK(is.learning_rate == Approx(expected.learning_rate).epsilon(1e-14));
  CHECK(is.router.balance_loss == Approx(expected.balance_loss).epsilon(1e-5));
  CHECK(is.router.z_loss == Approx(expected.z_loss).epsilon(1e-5));
  CHECK(is.logit_z_loss == Approx(expected.logit_z_loss).epsilon(1e-5));
  CHECK(is.router.dropped_fraction == Approx(expected.dropped_fraction).epsilon(1e-12));
  CHECK(is.router.expert_load_max == Approx(expected.expert_load_max).epsilon(1e-12));
}

void check_routers(const std::vector<RouterMetrics>& are, const PlainStep& expected) {
  REQUIRE(are.size() == expected.entropies.size());
  for (size_t i = 0; i < expected.entropies.size(); ++i) {
    const RouterMetrics& layer = are[i];
    CHECK(layer.layer == (i == 0 ? "encoder/layers/1" : "decoder/layers/1"));
    CHECK(layer.dropped_fraction == Approx(expected.dropped_fractions[i]).epsilon(1e-12));
    CHECK(layer.experts_per_token == Approx(1 - layer.dropped_fraction).epsilon(1e-12));
    CHECK(layer.load_max == Approx(expected.load_maxima[i]).epsilon(1e-12));
    CHECK(layer.entropy == Approx(expected.entropies[i]).epsilon(1e-5));
    CHECK(layer.top_probability == Approx(expected.top_probabilities[i]).epsilon(1e-5));
  }
}

void check_tensors(Steps& steps, const PlainTraining& plain,
                   const std::map<std::string, Numbers>& before) {
  Exec& exec = steps.session.exec;
  const MeshPlace& place = steps.session.mesh.place();
  for (const Param& param : steps.session.model.params().all()) {
    CAPTURE(param.name);
    const auto part = [&](const Numbers& whole) {
      return local_part(whole, param.placement, param.shape, place);
    };
    check_change(read(exec, param.value), part(plain.weights.at(param.name)),
                 part(before.at(param.name)), 1e-3);
  }
  for (const OptimizerTensor& state : steps.train_step.optimizer().state()) {
    CAPTURE(state.name);
    const Numbers expected =
        local_part(plain.state.at(state.name), state.placement, state.global, place);
    check_change(read(exec, state.value), expected, Numbers(expected.size()), 1e-3);
  }
}

// Kernels executed on the host are slow: only one optimiser is tested there, with experts over all
// ranks.
bool is_slow() {
  return test_backend() == Backend::cuda;
}

TEST_CASE("step_numbers: three steps are the plainly written ones", "[step_numbers]") {
  const WithoutLaunchBlocking as_in_a_run;
  const std::string optimizer = GENERATE("adafactor", "adamw");
  const int model = GENERATE(1, 2);
  const int ranks = test_world().size(), data = ranks / model;
  // With the model axis, Adafactor is the one that communicates.
  if (model > ranks || (is_slow() && optimizer == (model == 1 ? "adafactor" : "adamw"))) return;
  for (int expert = is_slow() ? data : 1; expert <= data; expert *= 2) {
    CAPTURE(optimizer, model, expert);
    const std::vector<std::string> overrides = numbers_config({"optimizer.name=" + optimizer});
    AloneAtStart start(parse_config(kTiny, "tiny", overrides), false);
    const RunConfig& config = start.session.config;
    PlainTraining plain(config, start.session.model.params());
    const std::map<std::string, Numbers> before = plain.weights;
    std::vector<PlainStep> expected;
    for (int64_t step = 1; step <= kSteps; ++step) {
      expected.push_back(plain.step(uneven_examples(config, step)));
      REQUIRE(expected.back().grad_norm > 1.5 * config.optimizer.clip_norm);
      REQUIRE(expected.back().dropped_fraction > 0.01);
    }

    std::vector<std::string> spread = overrides;
    spread.push_back(fmt::format("mesh.expert={}", expert));
    spread.push_back(fmt::format("mesh.model={}", model));
    Steps steps(test_backend(), spread);
    // As in a run on a GPU, a step is issued before the results of the previous one are read.
    for (int64_t step = 1; step <= kSteps; ++step) {
      CAPTURE(step);
      steps.fill(uneven_examples(config, step));
      steps.start();
      if (step == 1) continue;
      check_numbers(steps.train_step.finish(), expected[step - 2]);
      check_routers(steps.train_step.router_metrics(), expected[step - 2]);
    }
    check_numbers(steps.train_step.finish(), expected.back());
    check_tensors(steps, plain, before);
  }
}

// What the GEMMs and embeddings read are the master weights, rounded.
void check_compute_weights(Steps& steps) {
  Exec& exec = steps.session.exec;
  for (const Param& param : steps.session.model.params().all()) {
    CAPTURE(param.name);
    const Numbers master = read(exec, param.value);
    std::vector<BFloat16> compute(master.size());
    download(exec, Tensor(compute.data(), DType::bf16, param.value.shape()), param.compute);
    int64_t stale = 0;
    for (size_t i = 0; i < master.size(); ++i) {
      stale += compute[i].bits != bfloat16_bits(static_cast<float>(master[i])) ? 1 : 0;
    }
    CHECK(stale == 0);
  }
}

// The plain losses of kSteps steps.
std::vector<double> plain_losses(const std::vector<std::string>& overrides) {
  AloneAtStart start(parse_config(kTiny, "tiny", overrides), false);
  PlainTraining plain(start.session.config, start.session.model.params());
  std::vector<double> losses;
  for (int64_t step = 1; step <= kSteps; ++step) {
    losses.push_back(plain.step(uneven_examples(start.session.config, step)).loss);
  }
  return losses;
}

TEST_CASE("step_numbers: a bfloat16 step computes with the weights of the update before it",
          "[step_numbers]") {
  const WithoutLaunchBlocking as_in_a_run;
  std::vector<std::string> overrides = numbers_config({"optimizer.name=adamw"});
  const std::vector<double> expected = plain_losses(overrides);
  overrides.push_back("optimizer.learning_rate=1e-30");
  const std::vector<double> unchanged = plain_losses(overrides);
  overrides.back() = "precision=bfloat16";
  Steps steps(test_backend(), overrides);
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    steps.fill(uneven_examples(steps.session.config, steps.step + 1));
    const double loss = steps.run().loss;
    CHECK(loss == Approx(expected[i]).epsilon(kBfloat16Tolerance));
    // Far enough apart to tell the updated weights from the initial ones.
    if (i > 0) {
      REQUIRE(std::abs(expected[i] - unchanged[i]) > 4 * kBfloat16Tolerance * expected[i]);
    }
    check_compute_weights(steps);
  }
}

// A batch with one example at `place`, otherwise empty.
std::vector<Example> one_example(const RunConfig& config, int64_t place) {
  std::vector<Example> examples(static_cast<size_t>(config.train.global_batch));
  examples[static_cast<size_t>(place)] = synthetic_examples(config, 0, 1).front();
  return examples;
}

// The loss of one example with constant weights, for steps 1 and 2 and three places in the batch:
// the first two micro-batches of the first rank, and the last one of the last rank.
std::vector<double> losses_of_one(const std::string& noise) {
  Steps steps(test_backend(),
              numbers_config({"model.dropout=0", "model.experts.dropout=0",
                              "model.experts.jitter=0", "optimizer.learning_rate=1e-30", noise}));
  const RunConfig& config = steps.session.config;
  const int64_t micro = config.train.micro_batch;
  std::vector<double> losses;
  for (const int64_t place : {int64_t{0}, micro, config.train.global_batch - micro}) {
    for (steps.step = 0; steps.step < 2;) {
      steps.fill(one_example(config, place));
      losses.push_back(steps.run().loss);
    }
  }
  return losses;
}

TEST_CASE("step_numbers: every step and place draws masks of its own", "[step_numbers]") {
  const WithoutLaunchBlocking as_in_a_run;
  const std::string noise =
      GENERATE("model.dropout=0.3", "model.experts.dropout=0.5", "model.experts.jitter=0.5");
  CAPTURE(noise);
  const std::vector<double> losses = losses_of_one(noise);
  CHECK(losses == losses_of_one(noise));
  for (size_t i = 0; i < losses.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      CAPTURE(i, j, losses[i], losses[j]);
      CHECK(std::abs(losses[i] - losses[j]) > 1e-5);
    }
  }
}

TEST_CASE("step_numbers: without noise neither step nor place matters", "[step_numbers]") {
  const WithoutLaunchBlocking as_in_a_run;
  const std::vector<double> losses = losses_of_one("model.dropout=0");
  for (const double loss : losses) CHECK(loss == Approx(losses.front()).epsilon(1e-6));
}

}  // namespace
}  // namespace sy
