// SPDX-License-Identifier: Apache-2.0
// A diagnosis for other programs.
#pragma once

#include "lib/base/json.h"
#include "lib/dist/flight/diagnosis.h"

namespace sy::flight {

// {"folder", "cause" (a word of Cause), "ranks" (at fault), "verdict", "divergence": null or
// {"group", "ranks", "call", "step", "layer", "made": [{"ranks", "collective", "label", "dtype",
// "count"}], "absent": [ranks]}, "states": one for each rank}. A state has "rank", "host" and
// "pid" (null where they are not known) and "record"; with a record also "reason", "message",
// "step", "paused_seconds", and "waiting": null or {"collective", "label", "layer", "group",
// "call", "step", "seconds", "for_ranks"}. A group is named as label_of() does, a layer is null
// where the label names none. "faults": what could not be read, a sentence each. "start": which
// start of the run this is about, and "later_starts": [{"start", "ended_as_it_should"}], those
// after it, none of which has a record; of one that did not end so nothing more is known.
Json diagnosis_json(const FlightRecords& records, const Diagnosis& diagnosis);

}  // namespace sy::flight
