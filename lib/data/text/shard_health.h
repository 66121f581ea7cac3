// SPDX-License-Identifier: Apache-2.0
// Which shards give no text. A run must not go on with a remainder of its data as if nothing had
// happened, nor look for text without end where there is none.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "lib/data/text/shard_list.h"

namespace sy {

// How reading a unit ended.
struct UnitReading {
  int64_t documents = 0;
  int64_t lines = 0;     // of the shard
  bool complete = true;  // from the first line; false if it was resumed in the middle
  std::string fault;     // of the shard (C4Reader::fault)
};

// A shard is lost if it cannot be read to its end, or if the last complete reading of each of its
// units gave no document. Counts the shards that this process has met.
class ShardHealth {
 public:
  // `shards` must outlive it. `max_bad_shards` is the configuration's.
  ShardHealth(const ShardList& shards, double max_bad_shards);

  // Opens shards, evenly spread over the list and up to a fixed number so that a large cluster
  // starts quickly, and reads their first bytes. Warns of lost ones. Throws DataError as note()
  // does.
  void probe();

  // Records a reading and warns of a shard that gives no document. Throws DataError if more shards
  // are lost than allowed, or all of them; it says how many of how many, and names the first.
  // Thread-safe.
  void note(const ShardUnit& unit, const UnitReading& reading);

  int64_t lost() const;

 private:
  void set_reason(int64_t shard, const std::string& reason);
  void probe_shard(int64_t shard);
  std::string list_lost() const;
  void check_limit();

  const ShardList& shards_;
  double max_bad_shards_;
  mutable std::mutex mutex_;
  std::vector<bool> barren_;           // [units], the last complete reading gave no document
  std::vector<int64_t> barren_units_;  // [shards]
  std::vector<std::string> reasons_;   // [shards], why a shard is lost; "" if it is not
  int64_t lost_ = 0;
};

}  // namespace sy
