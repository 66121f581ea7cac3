// SPDX-License-Identifier: Apache-2.0
#include "lib/train/spike_guard.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace sy {
namespace {

OptimizerSection optimizer_with(SpikePolicy policy, double deviations, int64_t window) {
  OptimizerSection optimizer;
  optimizer.on_spike = policy;
  optimizer.spike_deviations = deviations;
  optimizer.spike_window = window;
  return optimizer;
}

// Mean 4 and standard deviation 2.
const double kLosses[] = {2, 6, 2, 6};

SpikeGuard after_four(SpikePolicy policy = SpikePolicy::skip) {
  SpikeGuard guard(optimizer_with(policy, 3, 4));
  for (int64_t step = 1; step <= 4; ++step) guard.note({step, kLosses[step - 1]});
  return guard;
}

TEST_CASE("spike_guard: the limit is mean and deviations of the window", "[spike_guard]") {
  CHECK(after_four().limit_for(6) == 10);
  CHECK(after_four(SpikePolicy::rewind).limit_for(6) == 10);
  CHECK(std::isinf(after_four(SpikePolicy::accept).limit_for(6)));
}

TEST_CASE("spike_guard: the loss of the step before does not count", "[spike_guard]") {
  SpikeGuard guard = after_four();
  CHECK(std::isinf(guard.limit_for(5)));  // that of step 4 would complete the window
  guard.note({5, 1000});
  CHECK(guard.limit_for(6) == 10);
  CHECK(guard.limit_for(7) > 1000);
}

TEST_CASE("spike_guard: steps that were not applied leave no gap", "[spike_guard]") {
  SpikeGuard guard = after_four();
  guard.note({9, 2});
  guard.note({10, 6});
  CHECK(guard.limit_for(11) == 10);
  CHECK(guard.limit_for(12) == 10);
  CHECK(guard.losses().size() == 5);
  CHECK(guard.losses().front().step == 2);
}

TEST_CASE("spike_guard: restored, it goes on with the same limits", "[spike_guard]") {
  SpikeGuard guard = after_four();
  guard.note({5, 3.25});
  SpikeGuard restored(optimizer_with(SpikePolicy::skip, 3, 4));
  restored.note({1, 99});
  restored.restore(guard.losses());
  for (int64_t step = 6; step < 12; ++step) {
    CAPTURE(step);
    CHECK(restored.limit_for(step) == guard.limit_for(step));
    const double loss = 1 + std::sin(static_cast<double>(step));
    guard.note({step, loss});
    restored.note({step, loss});
  }
}

TEST_CASE("spike_guard: a window that was made shorter keeps the newest", "[spike_guard]") {
  SpikeGuard shorter(optimizer_with(SpikePolicy::skip, 1, 2));
  shorter.restore(after_four().losses());
  CHECK(shorter.losses().size() == 3);
  CHECK(shorter.limit_for(6) == 6);
}

TEST_CASE("spike_guard: it takes no memory for each step", "[spike_guard]") {
  SpikeGuard guard = after_four();
  const StepLoss* before = guard.losses().data();
  for (int64_t step = 5; step < 50; ++step) guard.note({step, 1});
  CHECK(guard.losses().data() == before);
}

}  // namespace
}  // namespace sy
