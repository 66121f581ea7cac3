// SPDX-License-Identifier: Apache-2.0
// Reads what the ranks of one start of a run have left (record_file.h, flight_log.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/dist/flight/read_record.h"

namespace sy::flight {

struct RecordedRank {
  RankPlace place;
  std::optional<RankRecord> record = {};
  bool is_unreadable = false;  // there is a file, which says nothing
};

struct FlightRecords {
  std::string folder;
  std::vector<RecordedRank> ranks;
  std::vector<std::string> faults = {};  // what could not be read, a line each
  Start start = {};                      // from newest_records() only, as is `later`
  std::vector<Start> later = {};         // the starts after it, none of which has a record
  int64_t count() const;                 // of records
};

// A record without a first line that can be read counts as none, any other as far as it can be
// read. Without `ranks.json` the first record says how many ranks there were, and a rank without a
// record has no place. There are no ranks if there is neither.
FlightRecords read_records(const std::string& folder);

// Those of the newest start that left any. Throws DataError if none did.
FlightRecords newest_records(const std::string& run);

}  // namespace sy::flight
