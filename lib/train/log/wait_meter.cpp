// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/wait_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lib/dist/watchdog.h"

namespace sy {

WaitShares wait_shares(std::span<const double> waited, double seconds) {
  const auto least = std::min_element(waited.begin(), waited.end());
  const double sum = std::accumulate(waited.begin(), waited.end(), 0.0);
  const auto ranks = static_cast<double>(waited.size());
  return {.waited = sum / ranks / seconds,
          .straggler = static_cast<int>(least - waited.begin()),
          .straggler_share = ((sum - *least) / (ranks - 1) - *least) / seconds};
}

WaitMeter::WaitMeter(Communicator& world, bool host_waits)
    : world_(world),
      measures_(host_waits && world.size() > 1),
      begin_(Clock::now()),
      begin_waited_(seconds_waited()),
      waited_(static_cast<size_t>(world.size())),
      total_(waited_.size()) {}

std::optional<WaitShares> WaitMeter::take() {
  if (!measures_) return {};
  const auto now = Clock::now();
  const double waited = seconds_waited();
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  double own = waited - begin_waited_;
  begin_ = now;
  begin_waited_ = waited;
  world_.all_gather(Tensor(waited_.data(), DType::f64, {world_.size(), 1}),
                    Tensor(&own, DType::f64, {1}), "seconds waited");
  for (size_t rank = 0; rank < total_.size(); ++rank) total_[rank] += waited_[rank];
  total_seconds_ += seconds;
  return wait_shares(waited_, seconds);
}

std::string WaitMeter::summary(const std::vector<flight::RankPlace>& places) const {
  if (total_seconds_ == 0) return "";
  const WaitShares all = wait_shares(total_, total_seconds_);
  return fmt::format(
      "waiting: ranks spent {:.1f} % of the time in collectives, and most of all waited for rank "
      "{} ({}): the others {:.1f} % longer than it",
      100 * all.waited, all.straggler, places.at(static_cast<size_t>(all.straggler)).host,
      100 * all.straggler_share);
}

}  // namespace sy
