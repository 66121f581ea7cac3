// SPDX-License-Identifier: Apache-2.0
// How ranks that hang agree on who speaks, and get the others to write their records: a file `hang`
// beside the records. Whoever creates it speaks; the others see it. A hang is when messages do not
// arrive, so this goes through the file system.
#pragma once

#include <atomic>
#include <memory>
#include <string>

namespace sy::flight {

// How long the rank that speaks waits for the records of the others: a tenth of the watchdog's
// limit, from half a second to 10 s.
double grace_of(double limit);

// From now on, on a thread of its own that a lost file system may block, looks for the sign in
// `folder` and writes this rank's record when it is there, until `ended`. It looks five times
// within the grace, but not while this rank's own steps show that none can have hung for `limit`
// seconds: so many ranks would otherwise ask one file system all the time.
void watch_for_sign(std::string folder, double limit, std::shared_ptr<std::atomic<bool>> ended);
// Returns whether this rank put it up, and so speaks. A rank that cannot, but for the reason that
// there is one, speaks too.
bool raise_sign(const std::string& folder);

// Waits for at most `seconds` until every rank has a record. Returns what they say in one sentence,
// "" if that cannot be found out.
std::string diagnosis_within(const std::string& folder, double seconds);

// Waits until the rank that speaks ends the job. Returns "" if it does not within `seconds`.
std::string wait_to_be_ended(double seconds);

}  // namespace sy::flight
