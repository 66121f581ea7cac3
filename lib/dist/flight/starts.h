// SPDX-License-Identifier: Apache-2.0
// The starts of a run, and which of them have left a folder of records (flight_log.h).
#pragma once

#include <string>
#include <vector>

namespace sy::flight {

struct Start {
  std::string name;    // SECONDS-PID, of rank 0 when it began
  std::string folder;  // "" if it left none: it ended as it should
  bool operator==(const Start&) const = default;
};

// RUN/flight.
std::string flight_folder(const std::string& run);

// Oldest first, as they stand in RUN/ledger.jsonl. Those that ended before they wrote to it, or
// whose ledger is gone, come after the last whose name is smaller: a clock may have been wrong.
std::vector<Start> starts_of(const std::string& run);

// "start 1764456000-417 of 2025-11-29 23:40:00", in local time.
std::string text_of(const Start& start);

// What is known of the starts after a diagnosed one, by the last of them: "start ... came later and
// ended as it should". "" if there are none.
std::string text_of_later(const std::vector<Start>& later);

}  // namespace sy::flight
