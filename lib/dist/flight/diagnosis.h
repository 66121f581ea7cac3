// SPDX-License-Identifier: Apache-2.0
// Says who failed, from the records of the ranks: whom the others wait for, and where the calls of
// a group differ first.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dist/flight/divergence.h"
#include "lib/dist/flight/read_records.h"

namespace sy::flight {

// In the order in which they are looked for: of several, the first explains the others.
enum class Cause : uint8_t {
  failed,         // an error, or a signal such as SIGSEGV, outside of a collective
  missing,        // ranks without a record, or else with one that cannot be read
  paused,         // ranks that did not run while others waited for them
  other_calls,    // ranks of one group made different calls
  elsewhere,      // ranks that others wait for are in no collective
  circle,         // ranks wait for each other, in calls of different groups
  failed_inside,  // an error in a collective, and nothing of the above
  stuck,          // everyone is in the same call
  ended           // nobody waited or failed: all were told to end
};
const char* name_of(Cause cause);

// The call that a rank waits in, and the ranks that have not come to it.
struct Waiting {
  GroupKey group;
  RecordedCall call;
  std::vector<int> for_ranks;
};

struct Diagnosis {
  Cause cause = Cause::ended;
  std::vector<int> ranks;  // at fault; may be empty
  std::string verdict;     // a sentence, without a full stop
  // other_calls: the first call that differs; else the one that was waited in first for `ranks`.
  std::optional<Divergence> divergence;
  std::vector<std::optional<Waiting>> waiting;  // by rank
};

Diagnosis diagnose(const FlightRecords& records);

// The call that the rank waits in; nullptr if it is in none. `group` becomes its group.
const RecordedCall* waited_call(const RankRecord& record, const GroupKey*& group);
// The call that the rank ended last; nullptr if none is known.
const RecordedCall* last_ended(const RankRecord& record, const GroupKey*& group);

// "encoder/layers/1" of "encoder/layers/1/moe dispatch"; "" of a label without a layer.
std::string layer_of(std::string_view label);

// "expert", or "expert #2" of the second such group of the same ranks.
std::string label_of(const GroupKey& group);
// all_to_all "dispatch" (call 812 of group expert).
std::string text_of(const RecordedCall& call, const GroupKey& group);
// "ranks 0-2, 5", at most the first eight stretches.
std::string ranks_text(const std::vector<int>& ranks);

}  // namespace sy::flight
