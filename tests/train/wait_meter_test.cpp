// SPDX-License-Identifier: Apache-2.0
// The shares of waiting on numbers made by hand.
#include "lib/train/log/wait_meter.h"

#include <array>
#include <catch2/catch.hpp>

namespace sy {
namespace {

TEST_CASE("wait_meter: the rank that waits least is the one that is waited for", "[wait_meter]") {
  const std::array waited = {5.0, 1.0, 4.0, 6.0};
  const WaitShares shares = wait_shares(waited, 10);
  CHECK(shares.straggler == 1);
  CHECK(shares.waited == Approx(0.4));           // 16 of 40
  CHECK(shares.straggler_share == Approx(0.4));  // the others waited 5 on average, 4 longer
}

TEST_CASE("wait_meter: time that all spend in collectives is nobody's fault", "[wait_meter]") {
  const std::array waited = {2.0, 2.0};
  CHECK(wait_shares(waited, 4).waited == Approx(0.5));
  CHECK(wait_shares(waited, 4).straggler_share == 0);
}

TEST_CASE("wait_meter: one rank has nothing to tell", "[wait_meter]") {
  const auto alone = make_self_communicator();
  WaitMeter meter(*alone, true);
  CHECK_FALSE(meter.take());
  CHECK(meter.summary({{"host", 1}}).empty());
}

}  // namespace
}  // namespace sy
