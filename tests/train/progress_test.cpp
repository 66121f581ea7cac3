// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/progress.h"

#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("progress: durations", "[progress]") {
  CHECK(duration_text(0.4) == "0s");
  CHECK(duration_text(59.6) == "1m00s");
  CHECK(duration_text(250) == "4m10s");
  CHECK(duration_text(3600 + 5 * 60) == "1h05m");
  CHECK(duration_text(30 * 3600) == "30h00m");
  CHECK(duration_text(-1) == "?");
}

TEST_CASE("progress: the line of a step", "[progress]") {
  TrainMetrics metrics;
  metrics.step = 120;
  metrics.loss = 5.12341;
  metrics.learning_rate = 0.0316228;
  metrics.grad_norm = 0.8299;
  metrics.tokens_per_second = 3240;
  metrics.dropped_fraction = 0.0123;
  CHECK(progress_text(metrics, 300, 250) ==
        "step 120/300  loss 5.1234  lr 0.0316  grad 0.83  3.2k tok/s  dropped 1.2%  left 4m10s");
}

TEST_CASE("progress: the time left follows the steps of this process only", "[progress]") {
  const Progress progress(100, 300);
  CHECK(progress.seconds_left(100) < 0);  // not known yet
  CHECK(progress.seconds_left(300) == 0);
  CHECK(progress.seconds_left(101) >= progress.seconds_left(299));
}

}  // namespace
}  // namespace sy
