// SPDX-License-Identifier: Apache-2.0
// Throughput of the loader compared with SentencePiece, the part of its work that cannot be
// avoided.
#pragma once

#include <cstdint>

#include "lib/config/run_config.h"

namespace sy {

struct LoaderBench {
  int64_t threads = 0;
  int64_t rounds = 0;
  double loader_tokens_per_second = 0;     // from shards to examples
  double tokenizer_tokens_per_second = 0;  // same text, in memory, same threads
  double ratio = 0;                        // loader / tokenizer
};

// Measures on the training text for about `seconds`, plus the time to fill the shuffle buffers.
// Loader and tokenizer run in turn, in short rounds, so that both see the same state of the
// machine. Rates count tokens of tokenised documents.
LoaderBench bench_loader(const DataSection& data, double seconds);

}  // namespace sy
