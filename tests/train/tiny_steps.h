// SPDX-License-Identifier: Apache-2.0
// Training steps of a tiny model on synthetic batches, on either backend.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "lib/bench/synthetic_batch.h"
#include "lib/config/config.h"
#include "lib/train/train_step.h"
#include "tests/support/backend.h"
#include "tests/support/mpi_world.h"

namespace sy::test {

constexpr const char* kTiny = R"(
model: {vocab_size: 256, d_model: 32, d_kv: 8, num_heads: 4, d_ff: 64, encoder_layers: 2,
        decoder_layers: 2, dropout: 0.1, experts: {count: 4, dropout: 0.1, jitter: 0.01}}
data: {train: [none], validation: [none], encoder_length: 32, streams: 4}
train: {global_batch: 16, micro_batch: 2}
)";

inline std::vector<std::string> with_backend(Backend backend, std::vector<std::string> overrides) {
  overrides.push_back(fmt::format("backend={}", name_of(backend)));
  return overrides;
}

inline RunConfig tiny_config(Backend backend, const std::vector<std::string>& overrides = {}) {
  return parse_config(kTiny, "tiny", with_backend(backend, overrides));
}

// One thread and a GPU of its own for each rank of the test.
inline RankResources test_resources() {
  return {1, test_world().rank(), test_world().size()};
}

// On all ranks of the test.
inline std::unique_ptr<Runtime> make_runtime(const RunConfig& config, Traffic* counted = nullptr) {
  return std::make_unique<Runtime>(config, test_world(), test_resources(), counted);
}

inline StepTokens tokens_of(const std::vector<Example>& examples) {
  StepTokens tokens;
  for (const Example& example : examples) {
    tokens.input += static_cast<int64_t>(example.inputs.size());
    tokens.target += static_cast<int64_t>(example.targets.size());
  }
  return tokens;
}

struct Steps {
  // On its own runtime, ready for the first step.
  explicit Steps(Backend backend, const std::vector<std::string>& overrides = {})
      : Steps(make_runtime(tiny_config(backend, overrides)), tiny_config(backend, overrides)) {
    train_step.plan();
    train_step.allocate();
    train_step.initialize();
  }
  // On a shared runtime, not yet planned.
  Steps(const std::shared_ptr<Runtime>& runtime_, const RunConfig& config)
      : runtime(runtime_),
        session(*runtime, config, /*tokenizer=*/nullptr, /*training=*/true),
        train_step(session),
        batch(session.exec, session.sequences_per_rank(), session.config.train.micro_batch,
              session.config.data.encoder_length, session.config.data.decoder_length.value) {}

  void fill() {
    const int64_t count = session.sequences_per_rank(), rank = session.mesh.data_rank();
    const int64_t first = step * session.config.train.global_batch + rank * count;
    batch.fill(synthetic_examples(session.config, first, count));
    tokens.target = batch.target_tokens() * session.mesh.shape().data();
  }
  // This rank's part of a whole global batch.
  void fill(const std::vector<Example>& all) {
    const int64_t count = session.sequences_per_rank();
    const auto first = all.begin() + session.mesh.data_rank() * count;
    batch.fill({first, first + count});
    tokens = tokens_of(all);
  }
  void start() { train_step.start(++step, batch, tokens); }
  StepResult run() {
    start();
    return train_step.finish();
  }

  std::shared_ptr<Runtime> runtime;
  Session session;
  TrainStep train_step;
  StepBatch batch;
  StepTokens tokens;
  int64_t step = 0;
};

// Lets a GPU run asynchronously, as in a run, not synchronised after every kernel.
class WithoutLaunchBlocking {
 public:
  WithoutLaunchBlocking() { unsetenv("CUDA_LAUNCH_BLOCKING"); }
  ~WithoutLaunchBlocking() { setenv("CUDA_LAUNCH_BLOCKING", "1", 1); }
};

}  // namespace sy::test
