// SPDX-License-Identifier: Apache-2.0
#include "lib/data/text/shard_health.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/data/text/byte_source.h"

namespace sy {
namespace {

constexpr int64_t kProbed = 512;
constexpr int64_t kNamed = 3;

// One shard may be lost however few there are: a single bad download should not stop a run.
int64_t allowed(double share, int64_t shards) {
  if (share <= 0) return 0;
  constexpr double kRounding = 1e-9;
  const double whole = std::floor(share * static_cast<double>(shards) + kRounding);
  return std::max<int64_t>(1, static_cast<int64_t>(whole));
}

std::string barren_reason(int64_t lines) {
  return lines == 0 ? "is empty"
                    : fmt::format("gives no text: none of its {} lines can be used", lines);
}

}  // namespace

ShardHealth::ShardHealth(const ShardList& shards, double max_bad_shards)
    : shards_(shards),
      max_bad_shards_(max_bad_shards),
      barren_(static_cast<size_t>(shards.units()), false),
      barren_units_(shards.shards().size(), 0),
      reasons_(shards.shards().size()) {}

void ShardHealth::probe() {
  const std::lock_guard lock(mutex_);
  const auto shards = static_cast<int64_t>(reasons_.size());
  const int64_t count = std::min(shards, kProbed);
  for (int64_t i = 0; i < count; ++i) probe_shard(i * shards / count);
  check_limit();
  if (lost_ > 0) {
    log::warn("{} of {} shards are unreadable or empty and will be passed over:{}", lost_, shards,
              list_lost());
  }
}

void ShardHealth::note(const ShardUnit& unit, const UnitReading& reading) {
  const std::lock_guard lock(mutex_);
  const auto shard = static_cast<size_t>(unit.shard);
  if (reading.complete || reading.documents > 0) {
    std::vector<bool>::reference barren =
        barren_[static_cast<size_t>(unit.shard * unit.parts + unit.part)];
    const bool now = reading.documents == 0;
    if (now != barren) barren_units_[shard] += now ? 1 : -1;
    barren = now;
  }
  std::string reason = reading.fault;
  if (reason.empty() && barren_units_[shard] == unit.parts) {
    reason = barren_reason(reading.lines);
    if (reasons_[shard].empty()) {
      log::warn("the shard {} {}", shards_.shards()[shard], reason);
    }
  }
  set_reason(unit.shard, reason);
  check_limit();
}

int64_t ShardHealth::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void ShardHealth::set_reason(int64_t shard, const std::string& reason) {
  std::string& known = reasons_[static_cast<size_t>(shard)];
  lost_ += static_cast<int64_t>(!reason.empty()) - static_cast<int64_t>(!known.empty());
  known = reason;
}

void ShardHealth::probe_shard(int64_t shard) {
  if (!reasons_[static_cast<size_t>(shard)].empty()) return;
  set_reason(shard, find_shard_fault(shards_.shards()[static_cast<size_t>(shard)]));
}

// The first few lost shards with their reasons, a line each.
std::string ShardHealth::list_lost() const {
  std::string lines;
  int64_t named = 0;
  for (size_t shard = 0; shard < reasons_.size() && named < kNamed; ++shard) {
    if (reasons_[shard].empty()) continue;
    lines += fmt::format("\n  {} {}", shards_.shards()[shard], reasons_[shard]);
    ++named;
  }
  return lost_ > named ? fmt::format("{}\n  and {} more", lines, lost_ - named) : lines;
}

void ShardHealth::check_limit() {
  const auto shards = static_cast<int64_t>(reasons_.size());
  const int64_t limit = allowed(max_bad_shards_, shards);
  if (lost_ <= limit && lost_ < shards) return;
  // The run ends here; take the time to count them all.
  for (int64_t shard = 0; shard < shards; ++shard) probe_shard(shard);
  const std::string named = list_lost();
  if (lost_ == shards) {
    throw DataError(fmt::format(
        "none of the shards gives a document ({} of {} are lost); mend them or correct the pattern "
        "that matches them in data.train, data.validation or data.corpora:{}",
        lost_, shards, named));
  }
  throw DataError(
      fmt::format("{} of {} shards are unreadable or give no text, and data.max_bad_shards ({}) "
                  "allows {}; mend them, narrow the pattern that matches them, or raise "
                  "data.max_bad_shards:{}",
                  lost_, shards, max_bad_shards_, limit, named));
}

}  // namespace sy
