// SPDX-License-Identifier: Apache-2.0
// Counts what was read and what could not be used: every bad record is counted by kind and logged.
// All threads of a loader share one ledger.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "lib/config/run_config.h"

namespace sy {

enum class BadRecord : uint8_t {
  malformed,
  invalid_utf8,
  missing_text,
  empty_text,
  too_long,
  invalid_id,
  corrupt_shard,
};
constexpr int kBadRecordKinds = 7;

// What was read, and bad records by kind, since the start of this process.
struct DataCounters {
  int64_t documents = 0, tokens = 0;
  int64_t malformed = 0, invalid_utf8 = 0, missing_text = 0, empty_text = 0, too_long = 0,
          invalid_id = 0, corrupt_shards = 0;
  // Of a loader: its shards, and those that are unreadable or give no text (ShardHealth).
  int64_t shards = 0, lost_shards = 0;
  int64_t bad() const {
    return malformed + invalid_utf8 + missing_text + empty_text + too_long + invalid_id +
           corrupt_shards;
  }
  DataCounters& operator+=(const DataCounters& other);
};

class Ledger {
 public:
  explicit Ledger(BadRecordPolicy policy) : policy_(policy) {}

  // Counts the record and logs a warning: for the first few of a kind, then whenever their number
  // has grown tenfold. A corrupt shard that is met again is not counted again. Throws DataError
  // instead under BadRecordPolicy::fail. `line` counts from 0; the message counts from 1.
  // Thread-safe.
  void report(BadRecord kind, const std::string& shard, int64_t line, const std::string& reason);

  // Counts a document and its tokens. Thread-safe.
  void count_document(int64_t tokens);

  bool fails() const { return policy_ == BadRecordPolicy::fail; }
  DataCounters counters() const;

 private:
  const BadRecordPolicy policy_;
  mutable std::mutex mutex_;
  std::array<int64_t, kBadRecordKinds> bad_{};
  int64_t documents_ = 0;
  int64_t tokens_ = 0;
  std::set<std::string> corrupt_;  // shards
};

}  // namespace sy
