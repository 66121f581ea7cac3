// SPDX-License-Identifier: Apache-2.0
// Reads what the ranks of one start of a run have left (record_file.h, flight_log.h).
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/dist/flight/flight_log.h"

namespace sy::flight {

// Times are seconds since 1970; 0: not yet.
struct RecordedCall {
  std::string collective = {}, label = {}, dtype = {};
  int64_t count = 0, number = 0, step = 0;
  double begun = 0, waited = 0, ended = 0;
};

// Which group of which ranks; the same key on each of them.
struct GroupKey {
  std::string name, transport;
  std::vector<int> ranks;
  // Open groups of the same ranks under this name that were opened before it: a teacher may have a
  // mesh of its own beside the student's.
  int64_t before = 0;
  auto operator<=>(const GroupKey&) const = default;
};

struct RecordedGroup {
  int64_t begun = 0;                      // number of the last call
  std::map<int64_t, RecordedCall> calls;  // those that are still known, by number
};

struct RankRecord {
  std::string reason, message;
  int64_t step = 0;
  double time = 0;
  double paused = 0, paused_until = 0;  // did not run for so long
  std::map<GroupKey, RecordedGroup> groups;
};

struct RecordedRank {
  RankPlace place;
  std::optional<RankRecord> record;
};

struct FlightRecords {
  std::string folder;
  std::vector<RecordedRank> ranks;
  std::vector<std::string> later = {};  // folders of later starts, which have no record
  int64_t count() const;                // of records
};

// Throws DataError naming the file if `ranks.json` or a record cannot be read, or has ranks that
// the run does not have. A record may be cut off.
FlightRecords read_records(const std::string& folder);

// Those of the newest start that left any. Throws DataError if none did.
FlightRecords newest_records(const std::string& run);

}  // namespace sy::flight
