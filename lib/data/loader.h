// Training examples in the run's global order, prepared ahead on their own threads.
//
// The order is a property of the configuration alone. A step's batch has `global_batch` sequences;
// sequence i of it comes from virtual stream i / (global_batch / streams). A rank owns the
// contiguous block of streams that makes its contiguous block of the batch, so every mesh sees the
// same batch.
//
//   shard_list -> c4_reader -> tokenizer -> shuffle buffer -> windows -> span_corruption -> batcher
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/document.h"
#include "lib/data/tokenizer.h"

namespace sy {

// One example: span-corrupted ids, eos at the end of both, no padding.
struct Example {
  int64_t index = 0;  // global: step * global_batch + place in the batch
  int64_t stream = 0;
  std::vector<int32_t> inputs;
  std::vector<int32_t> targets;
};

// Where one virtual stream stands, enough to go on exactly: which shard and record it reads next,
// the tokens left over from the last window, and the documents in its shuffle buffer (as token
// ids). Documents are shared, so that a snapshot costs pointers only.
struct StreamState {
  int64_t stream = 0;
  int64_t slot = 0;  // how many shard units (shard, part) the stream has begun, its first included
  int64_t record = 0;    // records of the current unit's shard already passed
  int64_t draws = 0;     // random draws made by the shuffle
  int64_t examples = 0;  // examples this stream has given
  std::vector<int32_t> leftover;
  std::vector<Document> buffer;
};

// Bad records by kind, and what was read, since the start of this process.
struct DataCounters {
  int64_t documents = 0, tokens = 0;
  int64_t malformed = 0, invalid_utf8 = 0, missing_text = 0, empty_text = 0, too_long = 0,
          corrupt_shards = 0;
  int64_t bad() const {
    return malformed + invalid_utf8 + missing_text + empty_text + too_long + corrupt_shards;
  }
};

// Which part of the global order a loader gives.
struct LoaderPlace {
  int64_t first_stream = 0;
  int64_t num_streams = 1;          // this rank's
  int64_t total_streams = 1;        // of the run
  int64_t examples_per_stream = 1;  // a batch takes this many from each stream
};

class Loader {
 public:
  // `shards` are glob patterns (data.train or data.validation). Throws DataError when a pattern
  // matches nothing or no shard can be opened (the first, under data.on_bad_record: fail), and
  // ConfigError when more sentinels are needed than exist or the lengths do not fit.
  Loader(const DataSection& data, const std::vector<std::string>& shards, const LoaderPlace& place,
         uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer);
  ~Loader();  // stops its threads

  // The rank's examples of the next batch, in global order: num_streams * examples_per_stream.
  // Waits for the reading threads; rethrows what stopped them. The reference holds until the next
  // call.
  const std::vector<Example>& next();

  // The streams' position after the batch last returned by next().
  const std::vector<StreamState>& state() const;

  // Goes on from these states (one for each of this rank's streams, in order). Before the first
  // next(). Throws DataError when they do not fit the configuration.
  void restore(std::vector<StreamState> states);

  DataCounters counters() const;

  // Seconds next() has waited in all.
  double wait_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
