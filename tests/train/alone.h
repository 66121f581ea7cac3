// A configuration's session on this rank alone, on the CPU, whatever the ranks and the backend of
// the test: what whole weights are read from.
#pragma once

#include "lib/train/train_step.h"

namespace sy::test {

struct AloneSession {
  explicit AloneSession(RunConfig config, bool training, bool needs_tokenizer)
      : world(make_self_communicator()),
        session(on_the_cpu(std::move(config)), *world, RankResources{1}, training,
                needs_tokenizer) {}

  static RunConfig on_the_cpu(RunConfig config) {
    config.backend = BackendChoice::cpu;
    config.mesh.expert = {};
    return config;
  }

  std::unique_ptr<Communicator> world;
  Session session;
};

// With the weights that training begins with.
struct AloneAtStart : AloneSession {
  explicit AloneAtStart(RunConfig config, bool needs_tokenizer)
      : AloneSession(std::move(config), true, needs_tokenizer), train_step(session) {}

  TrainStep train_step;
};

}  // namespace sy::test
