// SPDX-License-Identifier: Apache-2.0
// A rank's record on disk, FOLDER/rank-00003.jsonl: what the flight recorder held when the rank
// failed, hung or was told to end. The file has one JSON object a line:
//   {"flight_record": 1, "rank": 3, "ranks": 8, "host": "node2", "pid": 4711, "reason": "hang",
//    "message": "...", "step": 81, "time": T, "paused": D, "paused_until": T}
//   {"group": 5, "open": 1, "name": "expert", "transport": "mpi", "ranks": [0, 1, ...],
//    "begun": 812}                                                                  each group
//   {"group": 5, "call": 812, "collective": "all_to_all", "label": "...", "dtype": "float32",
//    "count": 1024, "step": 81, "begun": T, "waited": T, "ended": 0}     each call, oldest first
// T is microseconds since 1970, 0 if it has not happened; D microseconds. `begun` of a group is the
// number of its last call, `open` is 0 if it was closed. Groups come before calls. A failure that
// finds no room for the rest leaves the first line alone. A file whose end is missing, of a host
// that lost its power, is read as far as it goes.
#pragma once

#include <cstdint>
#include <string>

#include "lib/dist/flight/flight_ring.h"

namespace sy::flight {

constexpr int kRecordVersion = 1;

enum class Reason : uint8_t {
  failure,    // an error ends the program; the message is its text
  signal,     // SIGSEGV and the like; the message is its name
  hang,       // a collective blocked for too long; the message says which
  asked,      // another rank hangs
  terminated  // SIGTERM, which may be a launcher's that ends the job
};
const char* name_of(Reason reason);

std::string record_name(int rank);  // "rank-00003.jsonl"

struct RecordPlace {
  std::string folder;
  int rank = 0;
  int ranks = 1;
};

// From now on, write_record() writes. The folder is made when it does.
void arm(const RecordPlace& place);
// From now on, it does not. Waits as wait_for_record() does.
void disarm();
// Waits, for at most a second, for a record that another thread is writing. Async-signal-safe.
void wait_for_record();
bool is_armed();              // and there is no record yet but one of SIGTERM
const char* record_folder();  // "" unless armed
int recorded_ranks();         // of the last place

// A thread that wanted to sleep for much less has slept for so long, until now. Returns whether
// this process did not run meanwhile, by a quarter of the watchdog's limit, from half a second to a
// minute; the record will say so.
bool note_pause(Clock::duration slept, double limit);

// Writes the record, unless there is one since arm(). One of SIGTERM is replaced: the run may go on
// to save, and fail then. What does not fit on the disk is not left cut off: the record is that of
// before, or there is none. Async-signal-safe.
void write_record(Reason reason, const char* message);

}  // namespace sy::flight
