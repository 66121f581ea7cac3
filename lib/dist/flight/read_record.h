// SPDX-License-Identifier: Apache-2.0
// Reads what one rank has left (record_file.h).
#pragma once

#include <compare>
#include <cstdint>
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

// Which rank of how many a record is of, and where that ran.
struct RecordOrigin {
  int64_t rank = 0, ranks = 0;
  RankPlace place;
};

// A rank's file, as far as it can be read.
struct RecordFile {
  std::optional<RankRecord> record;  // nothing if the first line cannot be read
  std::string fault;                 // what is wrong with the file, by its path; "" if nothing is
};

// Nothing if there is no such file. The rank is one of `ranks`.
std::optional<RecordFile> read_record(const std::string& path, int64_t ranks);

// From the first line; nothing if that cannot be read.
std::optional<RecordOrigin> read_origin(const std::string& path);

constexpr int64_t kMostRanks = int64_t{1} << 20;

}  // namespace sy::flight
