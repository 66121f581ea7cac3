// SPDX-License-Identifier: Apache-2.0
// A diagnosis in words.
#pragma once

#include <string>

#include "lib/dist/flight/diagnosis.h"

namespace sy::flight {

// One sentence, from all of the diagnosis but its verdict.
std::string verdict(const FlightRecords& records, const Diagnosis& diagnosis);

// What one rank did: "waited in all_reduce_sum "losses" (call 7 of group data) for rank 3".
std::string state_text(const FlightRecords& records, const Diagnosis& diagnosis, int rank);

}  // namespace sy::flight
