// SPDX-License-Identifier: Apache-2.0
// Where the calls of a group's ranks differ.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/dist/flight/read_records.h"

namespace sy::flight {

// A call of a group, as each of its ranks made it.
struct Divergence {
  struct Made {
    RecordedCall call;
    std::vector<int> ranks;
  };
  GroupKey group;
  int64_t number = 0;
  std::vector<Made> made;   // those that fewer ranks made come first
  std::vector<int> absent;  // ranks that have not come to it, have no record, or have forgotten it
};

// Calls are alike if collective, label, dtype and count are.
bool are_alike(const RecordedCall& a, const RecordedCall& b);
// nullptr if the record has no such call.
const RecordedCall* find_call(const RecordedRank& rank, const GroupKey& group, int64_t number);
// Whether the record has no such call because the rank has made too many since.
bool has_forgotten(const RecordedRank& rank, const GroupKey& group, int64_t number);

Divergence compare_call(const FlightRecords& records, const GroupKey& group, int64_t number);

// The first call of a group that its ranks did not make alike; of all groups, the one that began
// first.
std::optional<Divergence> first_difference(const FlightRecords& records);

}  // namespace sy::flight
