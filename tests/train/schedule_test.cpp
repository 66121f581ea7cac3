// SPDX-License-Identifier: Apache-2.0
#include "lib/train/optimizer/schedule.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "lib/base/error.h"

namespace sy {
namespace {

OptimizerSection with(ScheduleName schedule, double rate, int64_t warmup) {
  OptimizerSection optimizer;
  optimizer.schedule = schedule;
  optimizer.learning_rate = rate;
  optimizer.warmup_steps = warmup;
  return optimizer;
}

TEST_CASE("schedule: rsqrt holds over the warm-up, then falls with the root", "[schedule]") {
  const OptimizerSection optimizer = with(ScheduleName::rsqrt, 1.0, 10000);
  CHECK(learning_rate(optimizer, 1, 500000) == 0.01);
  CHECK(learning_rate(optimizer, 10000, 500000) == 0.01);
  CHECK(learning_rate(optimizer, 40000, 500000) == 0.005);
  CHECK(learning_rate(with(ScheduleName::rsqrt, 0.5, 0), 4, 8) == 0.25);
}

TEST_CASE("schedule: constant rises in a line and stays", "[schedule]") {
  const OptimizerSection optimizer = with(ScheduleName::constant, 0.4, 4);
  CHECK(learning_rate(optimizer, 1, 100) == Approx(0.1));
  CHECK(learning_rate(optimizer, 3, 100) == Approx(0.3));
  CHECK(learning_rate(optimizer, 4, 100) == 0.4);
  CHECK(learning_rate(optimizer, 1000, 100) == 0.4);
  CHECK(learning_rate(with(ScheduleName::constant, 0.4, 0), 1, 100) == 0.4);
}

TEST_CASE("schedule: linear and cosine end at 0 with the last step", "[schedule]") {
  const ScheduleName name = GENERATE(ScheduleName::linear, ScheduleName::cosine);
  const OptimizerSection optimizer = with(name, 2.0, 10);
  CHECK(learning_rate(optimizer, 5, 110) == Approx(1.0));
  CHECK(learning_rate(optimizer, 10, 110) == 2.0);
  CHECK(learning_rate(optimizer, 60, 110) == Approx(1.0));  // half way down
  CHECK(learning_rate(optimizer, 110, 110) == Approx(0.0).margin(1e-15));
  CHECK(learning_rate(optimizer, 111, 110) == Approx(0.0).margin(1e-15));
  const double quarter = name == ScheduleName::linear ? 0.75 : 0.5 * (1 + std::sqrt(0.5));
  CHECK(learning_rate(optimizer, 35, 110) == Approx(2.0 * quarter));
}

TEST_CASE("schedule: a warm-up as long as the run only rises", "[schedule]") {
  const OptimizerSection optimizer = with(ScheduleName::linear, 1.0, 100);
  CHECK(learning_rate(optimizer, 50, 100) == Approx(0.5));
  CHECK(std::isfinite(learning_rate(optimizer, 100, 100)));
}

TEST_CASE("schedule: steps count from 1", "[schedule]") {
  CHECK_THROWS_AS(learning_rate(OptimizerSection{}, 0, 10), InternalError);
}

}  // namespace
}  // namespace sy
