// SPDX-License-Identifier: Apache-2.0
// Training examples in the run's global order, prepared ahead on their own threads.
//
// The order depends only on the configuration. Sequence i of a batch of `global_batch` sequences
// comes from virtual stream i / (global_batch / streams). A rank owns the contiguous block of
// streams that makes up its contiguous block of the batch, so every mesh sees the same batch.
//
// Examples come from a source (example_source.h):
//
//   shard_list -> c4_reader -> tokenizer -> shuffle buffer -> windows ->
//   shuffle buffer -> denoise
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
  // Loads the examples of `sources` for `place`. At most `threads` threads prepare up to `ahead`
  // batches before they are used.
  Loader(std::unique_ptr<ExampleSources> sources, const LoaderPlace& place, int64_t threads,
         int64_t ahead);

  // Uses make_example_sources(); `shards` are glob patterns (data.train or data.validation), of
  // which each must match a file.
  Loader(const DataSection& data, const std::vector<std::string>& shards, const LoaderPlace& place,
         uint64_t seed, std::shared_ptr<const Tokenizer> tokenizer);

  // The training text of the configuration, with its corpora mixed (corpora.h).
  Loader(const DataSection& data, const LoaderPlace& place, uint64_t seed,
         std::shared_ptr<const Tokenizer> tokenizer);
  ~Loader();  // stops its threads

  // The num_streams * examples_per_stream examples of this rank in the next batch, in global order.
  // Waits for the loader's threads and rethrows their errors. The reference is valid until the next
  // call.
  const std::vector<Example>& next();

  // Positions of the streams after the last batch that next() returned.
  const std::vector<StreamState>& state() const;

  // Continues from these positions, one for each of this rank's streams, in order. Must be called
  // before the first next(). Throws DataError if they do not fit the configuration.
  void restore(const std::vector<StreamState>& states);

  DataCounters counters() const;

  // Total seconds that next() has waited.
  double wait_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
