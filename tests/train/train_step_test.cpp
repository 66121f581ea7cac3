// SPDX-License-Identifier: Apache-2.0
// The results of a step are the same on both backends. On the CPU, also its memory: after the first
// step nothing is allocated but argument lists of oneDNN.
#include "lib/train/train_step.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/tensor/bfloat16.h"
#include "lib/tensor/memory.h"
#include "lib/tensor/transfer.h"
#include "tests/train/gemm_allocations.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// A process that executes GPU code on the host also holds the memory and threads of the GPU.
bool on_the_cpu() {
  if (test_backend() == Backend::cpu) return true;
  if (test_world().rank() == 0)
    std::fprintf(stderr, "not run: it counts the CPU backend's memory\n");
  return false;
}

TEST_CASE("train_step: nothing is allocated after the first step", "[train_step]") {
  if (!on_the_cpu()) return;
  const std::string optimizer = GENERATE("adafactor", "adamw");
  const std::string capacity = GENERATE("factor", "dropless");
  const std::string precision = GENERATE("float32", "bfloat16");
  CAPTURE(optimizer, capacity, precision);
  Steps steps(Backend::cpu, {"optimizer.name=" + optimizer, "model.experts.capacity=" + capacity,
                             "precision=" + precision});
  steps.session.exec.profiler.enable();  // counts the GEMMs
  steps.fill();
  steps.run();
  steps.run();
  GemmCounts& products = steps.session.exec.state<GemmCounts>();
  for (auto& [shape, times] : products) times = 0;
  const Allocations before = allocations();
  steps.run();
  const Allocations after = allocations();
  INFO(after.bytes - before.bytes << " bytes");
  CHECK(after.count - before.count == allocations_of(products));
}

TEST_CASE("train_step: steps take no further memory", "[train_step]") {
  if (!on_the_cpu()) return;
  Steps steps(Backend::cpu);
  steps.fill();
  for (int i = 0; i < 3; ++i) steps.run();
  const int64_t before = resident_bytes();
  for (int i = 0; i < 20; ++i) steps.run();
  CHECK(resident_bytes() - before <= 1 << 20);
}

// Program, libraries and MPI are loaded before; the code that oneDNN generates and the slack of the
// heap come later.
TEST_CASE("train_step: what is resident is what was planned", "[train_step]") {
  if (!on_the_cpu()) return;
  constexpr int64_t kConstant = 32 << 20;
  const int64_t before = resident_bytes();
  Steps steps(Backend::cpu, {"model.d_model=256", "model.d_ff=1024", "model.vocab_size=65536"});
  steps.fill();
  for (int i = 0; i < 2; ++i) steps.run();
  const int64_t planned = steps.train_step.memory().total();
  CHECK(planned > 100 << 20);
  const double resident = static_cast<double>(resident_bytes() - before);
  CHECK(resident <= 1.1 * static_cast<double>(planned) + kConstant);
  CHECK(resident >= 0.9 * static_cast<double>(planned) - kConstant);
}

// The values that a parameter's copy or gradient has, in host memory.
template <class T>
std::vector<T> numbers_of(Exec& exec, Tensor tensor) {
  std::vector<T> numbers(static_cast<size_t>(tensor.numel()));
  download(exec, Tensor(numbers.data(), tensor.dtype(), tensor.shape()), tensor);
  return numbers;
}

TEST_CASE("train_step: the bfloat16 copies follow the weights", "[train_step]") {
  const std::string optimizer = GENERATE("adafactor", "adamw");
  Steps steps(test_backend(), {"optimizer.name=" + optimizer, "precision=bfloat16",
                               "data.encoder_length=16", "train.global_batch=8"});
  Exec& exec = steps.session.exec;
  const Param& some = *steps.session.model.params().find("encoder/layers/0/ffn/wi");
  const std::vector<float> before = numbers_of<float>(exec, some.value);
  steps.fill();
  REQUIRE(steps.run().updated);
  CHECK(numbers_of<float>(exec, some.value) != before);
  for (const Param& param : steps.session.model.params().all()) {
    CAPTURE(param.name);
    const std::vector<float> values = numbers_of<float>(exec, param.value);
    const std::vector<BFloat16> copies = numbers_of<BFloat16>(exec, param.compute);
    int64_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) wrong += copies[i].bits != BFloat16(values[i]).bits;
    CHECK(wrong == 0);
  }
}

// Fills this rank's gradients with NaN, as if they were left from an earlier step.
void spoil_gradients(Steps& steps) {
  for (const Param& param : steps.session.model.params().all()) {
    std::vector<float> values(static_cast<size_t>(param.grad.numel()), NAN);
    upload(steps.session.exec, param.grad, Tensor(values.data(), DType::f32, param.grad.shape()));
  }
}

TEST_CASE("train_step: nothing is read of the last step's gradients", "[train_step]") {
  // One micro-batch and two; each kind of experts, of activation and of output matrix.
  std::vector<std::string> overrides = GENERATE(
      values<std::vector<std::string>>({{"train.global_batch=8"},
                                        {"train.global_batch=16", "model.experts.capacity=dropless",
                                         "model.activation=geglu", "model.tie_embeddings=false"}}));
  overrides.push_back("data.encoder_length=16");
  CAPTURE(overrides);
  Steps clean(test_backend(), overrides), spoilt(test_backend(), overrides);
  for (int step = 1; step <= 2; ++step) {
    clean.fill();
    spoilt.fill();
    spoil_gradients(spoilt);
    const StepResult expected = clean.run(), result = spoilt.run();
    CHECK(result.updated);
    CHECK(result.grad_norm == expected.grad_norm);
  }
  const auto& params = spoilt.session.model.params().all();
  for (size_t i = 0; i < params.size(); ++i) {
    CAPTURE(params[i].name);
    CHECK(numbers_of<float>(spoilt.session.exec, params[i].value) ==
          numbers_of<float>(clean.session.exec, clean.session.model.params().all()[i].value));
  }
}

// The bias of each router after a step, from the loads that the step counted.
using Biases = std::vector<std::vector<float>>;

Biases biases_of(Steps& steps) {
  Biases biases;
  for (const Buffer& buffer : steps.session.model.params().buffers()) {
    biases.push_back(numbers_of<float>(steps.session.exec, buffer.value));
  }
  return biases;
}

void expect_moved(Biases& biases, Steps& steps, double rate) {
  const Tensor counts = steps.session.model.router_stats().counts;
  REQUIRE(static_cast<int64_t>(biases.size()) == counts.dim(0));
  for (size_t layer = 0; layer < biases.size(); ++layer) {
    const auto loads =
        numbers_of<int32_t>(steps.session.exec, counts.at(static_cast<int64_t>(layer)));
    const size_t experts = biases[layer].size();
    double total = 0, mean = 0;
    std::vector<double> signs;
    for (size_t e = 0; e < experts; ++e) total += loads[e];
    for (size_t e = 0; e < experts; ++e) {
      const double lacks = total / static_cast<double>(experts) - loads[e];
      signs.push_back(lacks > 0 ? 1 : lacks < 0 ? -1 : 0);
      mean += signs.back() / static_cast<double>(experts);
    }
    for (size_t e = 0; e < experts; ++e) {
      biases[layer][e] += static_cast<float>(rate * (signs[e] - mean));
    }
  }
}

TEST_CASE("train_step: the biases of routers follow the loads of the step", "[train_step]") {
  const std::vector<std::string> layers{"encoder/layers/1/moe/router_bias",
                                        "decoder/layers/0/self_attention/router_bias",
                                        "decoder/layers/1/moe/router_bias"};
  Steps steps(test_backend(),
              {"model.experts.balance_bias=0.25", "train.global_batch=8", "data.encoder_length=16",
               "train.recompute=blocks", "model.experts.attention.decoder=[0]"});
  std::vector<std::string> names;
  for (const Buffer& buffer : steps.session.model.params().buffers()) names.push_back(buffer.name);
  CHECK(names == layers);
  Biases expected = biases_of(steps);
  CHECK(expected == Biases(3, std::vector<float>(4)));
  for (int i = 0; i < 3; ++i) {
    steps.fill();
    REQUIRE(steps.run().updated);
    expect_moved(expected, steps, 0.25);
    const Biases found = biases_of(steps);
    for (size_t layer = 0; layer < 3; ++layer) {
      for (size_t e = 0; e < 4; ++e) {
        CHECK(found[layer][e] == Approx(expected[layer][e]).margin(1e-6));
      }
    }
  }
  CHECK(biases_of(steps) != Biases(3, std::vector<float>(4)));
  // A step that changes no weight changes no bias.
  const Biases before = biases_of(steps);
  const Param& norm = *steps.session.model.params().find("decoder/final_norm");
  std::vector<float> spoilt(static_cast<size_t>(norm.value.numel()), NAN);
  upload(steps.session.exec, norm.value, Tensor(spoilt.data(), DType::f32, norm.value.shape()));
  steps.fill();
  CHECK_FALSE(steps.run().updated);
  CHECK(biases_of(steps) == before);
}

struct Variant {
  const char *optimizer, *capacity, *precision;
  double tolerance;
};

TEST_CASE("train_step: the same numbers from both backends", "[train_step]") {
  if (test_backend() == Backend::cpu) return;  // run once, in the CUDA column
  const auto variant = GENERATE(Variant{"adafactor", "factor", "float32", 1e-5},
                                Variant{"adamw", "dropless", "float32", 1e-5},
                                Variant{"adafactor", "dropless", "bfloat16", 0.02},
                                Variant{"adamw", "factor", "bfloat16", 0.02});
  const std::string precision = variant.precision;
  CAPTURE(variant.optimizer, variant.capacity, precision);
  const WithoutLaunchBlocking as_in_a_run;
  const std::vector<std::string> overrides{
      std::string("optimizer.name=") + variant.optimizer,
      std::string("model.experts.capacity=") + variant.capacity,
      "precision=" + precision,
      "optimizer.schedule=constant",
      "optimizer.learning_rate=1e-3",
      "optimizer.warmup_steps=1",
      "data.encoder_length=16",
      "train.global_batch=8"};
  Steps cpu(Backend::cpu, overrides), cuda(Backend::cuda, overrides);
  REQUIRE(cuda.session.exec.memory == MemoryKind::device);
  for (int step = 1; step <= 3; ++step) {
    cpu.fill();
    cuda.fill();
    const StepResult expected = cpu.run(), result = cuda.run();
    CAPTURE(step);
    CHECK(result.updated);
    CHECK(result.loss == Approx(expected.loss).epsilon(variant.tolerance));
    CHECK(result.grad_norm == Approx(expected.grad_norm).epsilon(variant.tolerance));
    // Once bfloat16 rounding has changed the weights, some tokens choose other experts.
    if (precision == "bfloat16" && step > 1) continue;
    CHECK(result.router.balance_loss ==
          Approx(expected.router.balance_loss).epsilon(variant.tolerance));
  }
}

}  // namespace
}  // namespace sy
