// What a step costs in memory: after the first, nothing but oneDNN's argument lists.
#include "lib/train/train_step.h"

#include <catch2/catch.hpp>

#include "lib/base/resident_memory.h"
#include "lib/bench/synthetic_batch.h"
#include "lib/config/config.h"
#include "lib/train/product_rate.h"
#include "tests/support/allocations.h"
#include "tests/support/mpi_world.h"

namespace sy {
namespace {
using namespace test;

constexpr const char* kTiny = R"(
model: {vocab_size: 256, d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2,
        decoder_layers: 2, dropout: 0.1, experts: {count: 4, dropout: 0.1, jitter: 0.01}}
data: {train: [none], validation: [none], encoder_length: 32, streams: 4}
train: {global_batch: 16, micro_batch: 2}
)";

// Steps of a tiny model on synthetic batches.
struct Steps {
  explicit Steps(const std::vector<std::string>& overrides)
      : session(parse_config(kTiny, "tiny", overrides), test_world(), RankResources{1}, true,
                false),
        train_step(session),
        batch(session.exec, session.sequences_per_rank(), session.config.train.micro_batch,
              session.config.data.encoder_length, session.config.data.decoder_length.value) {}

  void fill() {
    const int64_t count = session.sequences_per_rank(), rank = session.mesh.data_rank();
    batch.fill(synthetic_examples(session.config, step * 16 + rank * count, count));
    tokens.target = batch.target_tokens() * session.mesh.shape().data();
  }
  StepResult run() { return train_step.run(++step, batch, tokens); }

  Session session;
  TrainStep train_step;
  StepBatch batch;
  StepTokens tokens;
  int64_t step = 0;
};

// What oneDNN's own interface takes from the heap for these products.
int64_t allocations_of(const GemmCounts& products) {
  ProductRate rate(products, Backend::cpu, 1);
  const int64_t before = allocations().count;
  rate.measure();
  return allocations().count - before;
}

TEST_CASE("train_step: nothing is allocated after the first step", "[train_step]") {
  const std::string optimizer = GENERATE("adafactor", "adamw");
  const std::string capacity = GENERATE("factor", "dropless");
  const std::string precision = GENERATE("float32", "bfloat16");
  CAPTURE(optimizer, capacity, precision);
  if (precision == "bfloat16" && bfloat16_products(Backend::cpu) == Bfloat16Products::none) return;
  Steps steps({"optimizer.name=" + optimizer, "model.experts.capacity=" + capacity,
               "precision=" + precision});
  steps.session.exec.profiler.enabled = true;  // counts the products
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
  Steps steps({});
  steps.fill();
  for (int i = 0; i < 3; ++i) steps.run();
  const int64_t before = resident_bytes();
  for (int i = 0; i < 20; ++i) steps.run();
  CHECK(resident_bytes() - before <= 1 << 20);
}

// The program, its libraries and MPI are there before; oneDNN's code and the heap's slack come
// after.
TEST_CASE("train_step: what is resident is what was planned", "[train_step]") {
  constexpr int64_t kConstant = 32 << 20;
  const int64_t before = resident_bytes();
  Steps steps({"model.d_model=256", "model.d_ff=1024", "model.vocab_size=65536"});
  steps.fill();
  for (int i = 0; i < 2; ++i) steps.run();
  const int64_t planned = steps.train_step.memory().total();
  CHECK(planned > 100 << 20);
  const double resident = static_cast<double>(resident_bytes() - before);
  CHECK(resident <= 1.1 * static_cast<double>(planned) + kConstant);
  CHECK(resident >= 0.9 * static_cast<double>(planned) - kConstant);
}

}  // namespace
}  // namespace sy
