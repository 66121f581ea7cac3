// Training examples in the run's global order, prepared ahead on their own threads.
//
// The order is a property of the configuration alone. A step's batch has `global_batch` sequences;
// sequence i of it comes from virtual stream i / (global_batch / streams). A rank owns the
// contiguous block of streams that makes its contiguous block of the batch, so every mesh sees the
// same batch.
//
// What the examples are, their source knows (example_source.h). Today's:
//
//   shard_list -> c4_reader -> tokenizer -> shuffle buffer -> windows ->
//   shuffle buffer -> span_corruption
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/example_source.h"

namespace sy {

class Loader {
 public:
  // Examples of `sources`, which give those of `place`, prepared by at most `threads` threads up to
  // `ahead` batches before their use.
  Loader(std::unique_ptr<ExampleSources> sources, const LoaderPlace& place, int64_t threads,
         int64_t ahead);

  // Of make_example_sources(); `shards` are glob patterns (data.train or data.validation).
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
  void restore(const std::vector<StreamState>& states);

  DataCounters counters() const;

  // Seconds next() has waited in all.
  double wait_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
