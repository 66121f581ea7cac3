// Where the examples of a stream come from. The loader, its threads and the checkpoint know these
// two interfaces alone: another kind of example, or a mixture of several, is another source.
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

// Examples of one virtual stream, without end, in an order that is the configuration's alone.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // The next example, numbered (Example); overwrites `example`. Throws DataError, and Cancelled
  // after ExampleSources::cancel().
  virtual void next(Example& example) = 0;

  // Where it stands: whole, at the cost of pointers to what it holds.
  virtual StreamState state() const = 0;

  // The change since the last call, or since the beginning; overwrites `step` and takes its memory.
  virtual void take_step(StreamStep& step) = 0;

  // Goes on from `state`, which is this stream's. Before the first next(). Throws DataError when it
  // is that of another kind of source, or of another configuration.
  virtual void restore(const StreamState& state) = 0;
};

// What the sources of a loader's streams share. Must outlive them.
class ExampleSources {
 public:
  virtual ~ExampleSources() = default;

  virtual std::unique_ptr<ExampleSource> open(int64_t stream) = 0;
  virtual DataCounters counters() const = 0;

  // From any thread: every next() under way or to come ends soon, by Cancelled.
  virtual void cancel() = 0;
};

// Those that the configuration asks for, over the shards that the patterns match. Throws DataError
// when a pattern matches nothing or no shard can be opened (the first, under data.on_bad_record:
// fail), and ConfigError when more sentinels are needed than exist or the lengths do not fit.
std::unique_ptr<ExampleSources> make_example_sources(const DataSection& data,
                                                     const std::vector<std::string>& patterns,
                                                     const LoaderPlace& place, uint64_t seed,
                                                     std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace sy
