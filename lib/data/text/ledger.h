// What was read and what was lost: every bad record is counted by kind and told, never dropped in
// silence. One ledger serves all threads of a loader.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>

#include "lib/config/run_config.h"

namespace sy {

enum class BadRecord : uint8_t {
  malformed,
  invalid_utf8,
  missing_text,
  empty_text,
  too_long,
  corrupt_shard,
};
constexpr int kBadRecordKinds = 6;

// Bad records by kind, and what was read, since the start of this process.
struct DataCounters {
  int64_t documents = 0, tokens = 0;
  int64_t malformed = 0, invalid_utf8 = 0, missing_text = 0, empty_text = 0, too_long = 0,
          corrupt_shards = 0;
  int64_t bad() const {
    return malformed + invalid_utf8 + missing_text + empty_text + too_long + corrupt_shards;
  }
};

class Ledger {
 public:
  explicit Ledger(BadRecordPolicy policy) : policy_(policy) {}

  // Counts the record and warns: the first few of a kind in full, then each time their number has
  // grown tenfold. Under BadRecordPolicy::fail throws DataError instead. `line` counts from 0, the
  // text from 1. Thread-safe.
  void report(BadRecord kind, const std::string& shard, int64_t line, const std::string& reason);

  // A document that is used, with its tokens.
  void count_document(int64_t tokens);

  bool fails() const { return policy_ == BadRecordPolicy::fail; }
  DataCounters counters() const;

 private:
  const BadRecordPolicy policy_;
  mutable std::mutex mutex_;
  std::array<int64_t, kBadRecordKinds> bad_{};
  int64_t documents_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace sy
