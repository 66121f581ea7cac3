// SPDX-License-Identifier: Apache-2.0
// A session on this rank alone, on the CPU, whatever ranks and backend the test has: the source of
// whole weights.
#pragma once

#include "lib/train/train_step.h"

namespace sy::test {

struct AloneSession {
  AloneSession(const RunConfig& config, bool training, bool needs_tokenizer)
      : world(make_self_communicator()),
        runtime(on_the_cpu(config), *world, RankResources{1}),
        session(runtime, on_the_cpu(config), needs_tokenizer ? open_tokenizer(config) : nullptr,
                training) {}

  static RunConfig on_the_cpu(RunConfig config) {
    config.backend = BackendChoice::cpu;
    config.mesh = {};
    return config;
  }

  std::unique_ptr<Communicator> world;
  Runtime runtime;
  Session session;
};

// With the initial weights.
struct AloneAtStart : AloneSession {
  AloneAtStart(const RunConfig& config, bool needs_tokenizer)
      : AloneSession(config, true, needs_tokenizer), train_step(session) {
    train_step.plan();
    train_step.allocate();
    train_step.initialize();
  }

  TrainStep train_step;
};

}  // namespace sy::test
