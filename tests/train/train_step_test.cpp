// A step's numbers, the same on both backends; and on the CPU what it costs in memory: after the
// first step, nothing but oneDNN's argument lists.
#include "lib/train/train_step.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "lib/base/resident_memory.h"
#include "lib/measure/gemm_rate.h"
#include "tests/support/allocations.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// A process that executes a GPU's code holds that GPU's memory and threads too.
bool on_the_cpu() {
  if (test_backend() == Backend::cpu) return true;
  if (test_world().rank() == 0)
    std::fprintf(stderr, "not run: it counts the CPU backend's memory\n");
  return false;
}

// What oneDNN's own interface takes from the heap for these products.
int64_t allocations_of(const GemmCounts& products) {
  GemmRate rate(products, Backend::cpu, 1);
  const int64_t before = allocations().count;
  rate.measure();
  return allocations().count - before;
}

TEST_CASE("train_step: nothing is allocated after the first step", "[train_step]") {
  if (!on_the_cpu()) return;
  const std::string optimizer = GENERATE("adafactor", "adamw");
  const std::string capacity = GENERATE("factor", "dropless");
  const std::string precision = GENERATE("float32", "bfloat16");
  CAPTURE(optimizer, capacity, precision);
  if (precision == "bfloat16" && bfloat16_products(Backend::cpu) == Bfloat16Products::none) return;
  Steps steps(Backend::cpu, {"optimizer.name=" + optimizer, "model.experts.capacity=" + capacity,
                             "precision=" + precision});
  steps.session.exec.profiler.enable();  // counts the products
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

// The program, its libraries and MPI are there before; oneDNN's code and the heap's slack come
// after.
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

struct Variant {
  const char *optimizer, *capacity, *precision;
  double tolerance;
};

TEST_CASE("train_step: the same numbers from both backends", "[train_step]") {
  if (test_backend() == Backend::cpu) return;  // one run of it is enough: the CUDA column's
  const auto variant = GENERATE(Variant{"adafactor", "factor", "float32", 1e-5},
                                Variant{"adamw", "dropless", "float32", 1e-5},
                                Variant{"adafactor", "dropless", "bfloat16", 0.02},
                                Variant{"adamw", "factor", "bfloat16", 0.02});
  const std::string precision = variant.precision;
  CAPTURE(variant.optimizer, variant.capacity, precision);
  if (precision == "bfloat16" && bfloat16_products(Backend::cpu) == Bfloat16Products::none) return;
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
    // Once roundings of bfloat16 have moved the weights, some tokens go to other experts.
    if (precision == "bfloat16" && step > 1) continue;
    CHECK(result.router.balance_loss ==
          Approx(expected.router.balance_loss).epsilon(variant.tolerance));
  }
}

}  // namespace
}  // namespace sy
