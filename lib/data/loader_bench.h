// Throughput of the loader compared with SentencePiece alone, the part that cannot be avoided.
#pragma once

#include <cstdint>

#include "lib/config/run_config.h"

namespace sy {

struct LoaderBench {
  int64_t threads = 0;
  int64_t rounds = 0;
  double loader_tokens_per_second = 0;     // from shard to example
  double tokenizer_tokens_per_second = 0;  // the same text from memory, encoded by as many threads
  double ratio = 0;                        // loader / tokenizer
};

// Measures data.train for about `seconds`, not counting the time to fill the shuffle buffers. The
// two are measured in turn, in short rounds, so that both see the same load on the machine. Rates
// count the tokens of tokenized documents.
LoaderBench bench_loader(const DataSection& data, double seconds);

}  // namespace sy
