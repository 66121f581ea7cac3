// SPDX-License-Identifier: Apache-2.0
// Steps as data.bucket_batches makes them: as short as their longest example on any rank, and with
// the numbers that a run of these lengths has.
#include <catch2/catch.hpp>

#include "lib/tensor/memory.h"
#include "tests/train/gemm_allocations.h"
#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

using Overrides = std::vector<std::string>;

// Groups of tokens, of which a shorter step has fewer.
Overrides tiny_tasks(const Overrides& more) {
  Overrides all{"data.tasks=[{name: squad, train: [none]}]", "train.eval_every=0",
                "model.experts.group_tokens={encoder: 16, decoder: 8}",
                "model.experts.balance_loss=0.5", "model.experts.z_loss=0.2"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const Overrides kLonger =
    tiny_tasks({"data.encoder_length=32", "data.decoder_length=20", "data.bucket_batches=4"});
const Overrides kExact = tiny_tasks({"data.encoder_length=16", "data.decoder_length=8"});

// A global batch of which one example alone is as long as `config` allows.
std::vector<Example> examples_of(const RunConfig& config, int64_t step) {
  const int64_t all = config.train.global_batch;
  std::vector<Example> examples = synthetic_examples(config, step * all, all);
  for (size_t i = 0; i + 1 < examples.size(); ++i) {
    examples[i].inputs.resize(1 + i % 7);
    examples[i].targets.resize(1 + i % 5);
  }
  return examples;
}

void fill(Steps& steps, const std::vector<Example>& all) {
  const int64_t count = steps.session.sequences_per_rank();
  const auto first = all.begin() + steps.session.mesh.data_rank() * count;
  const std::vector<Example> own(first, first + count);
  steps.batch.fill(own, agree_on_lengths(step_lengths(steps.session.config), own, test_world()));
  steps.tokens = tokens_of(all);
}

TEST_CASE("short steps: as in a run of their lengths", "[short_steps]") {
  const WithoutLaunchBlocking as_in_a_run;
  Steps longer(test_backend(), kLonger), exact(test_backend(), kExact);
  for (int64_t i = 0; i < 3; ++i) {
    const std::vector<Example> examples = examples_of(exact.session.config, i);
    fill(longer, examples);
    fill(exact, examples);
    CHECK(longer.batch.lengths() == StreamLengths{16, 8});
    CHECK(exact.batch.lengths() == StreamLengths{16, 8});
    CHECK(longer.batch.micro_batch(0).streams[kEncoder].ids.dim(1) == 16);
    const StepResult wanted = exact.run(), result = longer.run();
    CHECK(result.loss == wanted.loss);
    CHECK(result.grad_norm == wanted.grad_norm);
    CHECK(result.router.balance_loss == wanted.router.balance_loss);
    CHECK(result.router.z_loss == wanted.router.z_loss);
    CHECK(result.router.dropped_fraction == wanted.router.dropped_fraction);
  }
}

TEST_CASE("short steps: after a full one they allocate nothing", "[short_steps]") {
  if (test_backend() != Backend::cpu) return;
  Overrides overrides = kLonger;
  overrides.push_back(fmt::format("model.experts.capacity={}", GENERATE("factor", "dropless")));
  Steps steps(Backend::cpu, overrides);
  steps.session.exec.profiler.enable();  // counts the GEMMs
  steps.fill();
  CHECK(steps.batch.lengths() == StreamLengths{32, 20});
  steps.run();
  steps.run();
  for (const auto& [inputs, targets] : {std::pair(8, 20), {16, 8}, {32, 16}, {24, 8}}) {
    CAPTURE(inputs, targets);
    RunConfig config = steps.session.config;
    config.data.encoder_length = inputs;
    config.data.decoder_length = {false, targets};
    fill(steps, examples_of(config, steps.step));
    CHECK(steps.batch.lengths() == StreamLengths{inputs, targets});
    GemmCounts& products = steps.session.exec.state<GemmCounts>();
    for (auto& [shape, times] : products) times = 0;
    const Allocations before = allocations();
    steps.run();
    const Allocations after = allocations();
    CHECK(after.count - before.count == allocations_of(products));
  }
}

}  // namespace
}  // namespace sy
