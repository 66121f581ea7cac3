// Trains a SentencePiece unigram model on shards, streaming their documents.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

struct TrainTokenizerOptions {
  std::vector<std::string> shards;  // glob patterns
  std::string output;               // the model's path; replaced whole or not at all
  int64_t vocab_size = 32000;       // pieces, pad, eos and unk included, sentinels not
  int64_t max_sentences = 2'000'000;
  int64_t max_bytes = int64_t{1} << 30;  // of text; training needs several times that in memory
  double character_coverage = 0.9995;
  int64_t max_document_bytes = 16 << 20;
  BadRecordPolicy on_bad_record = BadRecordPolicy::skip;
};

// pad 0, eos 1, unk 2, no bos; nmt_nfkc; no byte fallback. Sentences are the documents' lines, from
// the first shard on until a maximum is reached. The same options and text give the same bytes.
// Throws DataError (no usable text), ConfigError (a vocabulary that the text cannot give) and
// RuntimeFailure (the model cannot be written).
void train_tokenizer(const TrainTokenizerOptions& options);

}  // namespace sy
