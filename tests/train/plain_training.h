// Training as the papers describe it, a global batch at a time on one rank and in float64: one
// forward and backward over all sequences at once, then norm, clipping, schedule and optimiser in
// plain loops. Takes no part of lib/train but the loss's gradient of lib/model, which is checked
// against finite differences elsewhere.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/model/fixture.h"
#include "tests/train/plain_optimizers.h"

#include "lib/data/loader.h"
#include "lib/train/step_batch.h"

namespace sy::test {

struct PlainStep {
  double loss = 0;       // nats a target token
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double balance_loss = 0, z_loss = 0;  // layers' sums of groups' means, before the coefficients
  double dropped_fraction = 0, expert_load_max = 0;
};

class PlainTraining {
 public:
  // `config` is resolved, its schedule linear or rsqrt. Begins with `start`'s weights, which are
  // whole and lie in host memory.
  PlainTraining(const RunConfig& config, ParamStore& start);

  PlainStep step(const std::vector<Example>& global_batch);

  // Whole tensors by name, as checkpoints name the state: "optimizer/PARAMETER/row".
  std::map<std::string, Numbers> weights, state;

 private:
  void update_part(const Param& param, int64_t part, int64_t parts, double factor,
                   const Update& update);
  void count_tokens(PlainStep& step) const;

  RunConfig config_;
  ModelFixture model_;
  StepBatch batch_;
  std::map<std::string, std::vector<PlainAdafactor>> adafactor_;
  std::map<std::string, std::vector<PlainAdamW>> adamw_;
  int64_t steps_ = 0;
};

}  // namespace sy::test
