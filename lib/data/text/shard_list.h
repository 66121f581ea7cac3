// SPDX-License-Identifier: Apache-2.0
// The shards, and the order in which each virtual stream reads them.
//
// Shards are divided into units: whole shards if there is one for every stream, otherwise
// interleaved parts of shards, so that every stream has text of its own. Slot q = 0, 1, 2, ... of
// the run is unit (q mod units) of epoch q / units, in an order drawn from (seed, epoch). Stream v
// of S reads slots v, v + S, v + 2S, ... endlessly.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sy {

// Records whose line number (from 0) is `part` modulo `parts`.
struct ShardUnit {
  int64_t shard = 0;
  int64_t part = 0;
  int64_t parts = 1;
};

// The files that the patterns match (match_files), each once, in byte order whatever the locale.
// Throws DataError that names a pattern that matches nothing, a file whose name is not UTF-8, or a
// pipe or device. `source` is what to correct then: where the patterns come from.
std::vector<std::string> expand_globs(
    const std::vector<std::string>& patterns,
    const std::string& source = "data.train, data.validation or data.corpora");

class ShardList {
 public:
  ShardList(std::vector<std::string> shards, int64_t streams, uint64_t seed);

  const std::vector<std::string>& shards() const { return shards_; }
  int64_t units() const { return static_cast<int64_t>(shards_.size()) * parts_; }
  int64_t streams() const { return streams_; }

  // Units of an epoch in the order of its slots, as numbers in [0, units()).
  std::vector<int64_t> epoch_order(int64_t epoch) const;
  ShardUnit unit(int64_t number) const { return {number / parts_, number % parts_, parts_}; }

 private:
  std::vector<std::string> shards_;
  int64_t streams_;
  int64_t parts_;
  uint64_t seed_;
};

// The units of one stream, one after another.
class UnitSequence {
 public:
  UnitSequence(const ShardList& list, int64_t stream) : list_(&list), stream_(stream) {}

  // Number of the stream's `turn`-th unit, from 0.
  int64_t unit_number(int64_t turn);
  int64_t epoch(int64_t turn) const { return slot(turn) / list_->units(); }

 private:
  int64_t slot(int64_t turn) const { return stream_ + turn * list_->streams(); }

  const ShardList* list_;
  int64_t stream_;
  int64_t epoch_ = -1;
  std::vector<int64_t> order_;
};

}  // namespace sy
