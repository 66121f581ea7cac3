// SPDX-License-Identifier: Apache-2.0
// Who keeps whom waiting. In a synchronous step every rank waits for the slowest, so the rank that
// waits least is the one that is waited for; the time that every rank spends in collectives anyway,
// that rank spends too.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/dist/flight/flight_log.h"

namespace sy {

// Over some time, as shares of it.
struct WaitShares {
  double waited = 0;           // in collectives of the host, mean over ranks
  int straggler = 0;           // the rank that waited least
  double straggler_share = 0;  // how much longer the others waited, in the mean
};

// From the seconds that each rank waited; two at least.
WaitShares wait_shares(std::span<const double> waited, double seconds);

class WaitMeter {
 public:
  // Counts from now on. `host_waits`: the host waits for the collectives of a step, which it does
  // not on a GPU; without that, or on one rank, there is nothing to tell.
  WaitMeter(Communicator& world, bool host_waits);

  // Since the last call. Allocates nothing. Collective.
  std::optional<WaitShares> take();
  // Of all calls of take(): a sentence for the end of a run, "" if there is nothing to tell.
  std::string summary(const std::vector<flight::RankPlace>& places) const;

 private:
  using Clock = std::chrono::steady_clock;

  Communicator& world_;
  const bool measures_;
  Clock::time_point begin_;
  double begin_waited_ = 0;
  std::vector<double> waited_, total_;  // by rank
  double total_seconds_ = 0;
};

}  // namespace sy
