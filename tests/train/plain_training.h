// SPDX-License-Identifier: Apache-2.0
// Training as in the papers, one global batch at a time on one rank in float64: one forward and
// backward over all sequences, then norm, clipping, schedule and optimiser in plain loops. Of the
// code under test it uses only the gradient of the loss from lib/model, which is checked against
// finite differences elsewhere.
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
  double loss = 0;          // nats per target token
  double logit_z_loss = 0;  // mean (log Z)^2, no coefficient
  double grad_norm = 0;     // before clipping
  double learning_rate = 0;
  double balance_loss = 0, z_loss = 0;  // sums over layers of means over groups, no coefficients
  double dropped_fraction = 0, expert_load_max = 0;
  // By sparse layer.
  std::vector<double> dropped_fractions, load_maxima, entropies, top_probabilities;
};

class PlainTraining {
 public:
  // `config` must be resolved and have schedule linear or rsqrt. Starts from the weights of
  // `start`, which must be whole and in host memory.
  PlainTraining(const RunConfig& config, ParamStore& start);

  PlainStep step(const std::vector<Example>& global_batch);

  // Whole tensors by name; state is named as in checkpoints: "optimizer/PARAMETER/row".
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
