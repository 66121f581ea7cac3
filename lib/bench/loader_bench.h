// How fast the loader is, against the part of it that cannot be avoided: SentencePiece.
#pragma once

#include <cstdint>

#include "lib/config/run_config.h"

namespace sy {

struct LoaderBench {
  int64_t threads = 0;
  int64_t rounds = 0;
  double loader_tokens_per_second = 0;     // shard to example
  double tokenizer_tokens_per_second = 0;  // the same text, in memory, encoded by as many threads
  double ratio = 0;                        // of the two
};

// Measures data.train for about `seconds`, beyond the time to fill the shuffle buffers: the two in
// turn, in short rounds, so that both see the same machine. Rates are tokens of documents
// tokenised.
LoaderBench bench_loader(const DataSection& data, double seconds);

}  // namespace sy
