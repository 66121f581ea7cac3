// SPDX-License-Identifier: Apache-2.0
// Every step has its own random numbers: with constant weights, the loss on a batch changes from
// step to step only if there is dropout or jitter.
#include <catch2/catch.hpp>

#include "tests/train/tiny_steps.h"

namespace sy {
namespace {
using namespace test;

// Losses of three steps on one batch, with updates far below the precision of the weights.
std::vector<double> losses_of(const std::vector<std::string>& drawn) {
  std::vector<std::string> overrides = {"optimizer.name=adamw",   "optimizer.learning_rate=1e-30",
                                        "model.dropout=0",        "model.experts.dropout=0",
                                        "model.experts.jitter=0", "train.global_batch=8"};
  overrides.insert(overrides.end(), drawn.begin(), drawn.end());
  Steps steps(test_backend(), overrides);
  steps.fill();
  std::vector<double> losses;
  for (int i = 0; i < 3; ++i) losses.push_back(steps.run().loss);
  return losses;
}

TEST_CASE("draws: every step has its own dropout and jitter", "[draws]") {
  for (const char* drawn :
       {"model.dropout=0.1", "model.experts.dropout=0.4", "model.experts.jitter=0.3"}) {
    CAPTURE(drawn);
    const std::vector<double> losses = losses_of({drawn});
    CHECK(losses[0] != losses[1]);
    CHECK(losses[1] != losses[2]);
    CHECK(losses[0] != losses[2]);
    CHECK(losses_of({drawn}) == losses);
  }
}

TEST_CASE("draws: without any the same batch has the same loss", "[draws]") {
  const std::vector<double> losses = losses_of({});
  CHECK(losses == std::vector<double>(3, losses[0]));
}

}  // namespace
}  // namespace sy
