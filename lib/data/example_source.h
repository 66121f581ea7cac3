// SPDX-License-Identifier: Apache-2.0
// Interfaces for the sources of examples. The loader, its threads and the checkpoint depend only on
// these two, so a new kind of example, or a mixture of several, is a new source.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/example.h"
#include "lib/data/stream_state.h"
#include "lib/data/text/ledger.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// The examples of one virtual stream, in an order that depends only on the configuration. The
// sequence is endless; after a single pass (LoaderPlace) the examples are empty.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // Overwrites `example` with the next example and its index. Throws DataError, and Cancelled after
  // ExampleSources::cancel().
  virtual void next(Example& example) = 0;

  // The complete position. It shares the documents that the source holds, so it is cheap.
  virtual StreamState state() const = 0;

  // The change of position since the last call or, in the first call, since the beginning.
  // Overwrites `step` and takes over its memory.
  virtual void take_step(StreamStep& step) = 0;

  // Continues from `state`, a position of this stream. Must be called before the first next().
  // Throws DataError if the state is of another kind of source or another configuration.
  virtual void restore(const StreamState& state) = 0;
};

// Makes the sources of a loader's streams and holds what they share. Must outlive them.
class ExampleSources {
 public:
  virtual ~ExampleSources() = default;

  virtual std::unique_ptr<ExampleSource> open(int64_t stream) = 0;
  virtual DataCounters counters() const = 0;

  // Makes every current and future next() throw Cancelled soon. Thread-safe.
  virtual void cancel() = 0;
};

// The sources of the configuration, for these shards. The order of examples follows from that of
// the shards. Throws DataError if more shards cannot be opened than data.max_bad_shards allows or,
// under data.on_bad_record: fail, if any cannot. Throws ConfigError if the examples need more
// sentinels than exist or lengths do not fit.
std::unique_ptr<ExampleSources> make_example_sources(const DataSection& data,
                                                     const std::vector<std::string>& shards,
                                                     const LoaderPlace& place, uint64_t seed,
                                                     std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace sy
