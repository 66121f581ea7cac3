// SPDX-License-Identifier: Apache-2.0
// Trains a SentencePiece unigram model on shards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/tokenizer/sentence_sampler.h"

namespace sy {

struct TrainTokenizerOptions {
  std::vector<std::string> shards;   // glob patterns
  std::vector<double> weights;       // one per pattern, or none (weigh_shards)
  std::vector<SampledShard> sample;  // files with their weights, instead of shards and weights
  std::string text_key = "text";     // as data.text_key
  std::string output;                // path of the model; replaced as a whole or not at all
  int64_t vocab_size = 32000;        // pieces, with pad, eos and unk but without sentinels
  int64_t max_sentences = 2'000'000;
  int64_t max_bytes = int64_t{1} << 30;   // of text; training needs several times that in memory
  double character_coverage = 0.9995;     // share of the text's characters that get a piece
  bool byte_fallback = false;             // other characters become pieces of their bytes, not unk
  std::vector<std::string> user_symbols;  // always one piece each
  int64_t max_document_bytes = 16 << 20;
  BadRecordPolicy on_bad_record = BadRecordPolicy::skip;
};

// Sets the text to the training text of a configuration, each corpus with its share of the mixture
// (mixture_rates), and how its records are read. Throws as find_corpora() and mixture_rates() do.
void set_text(TrainTokenizerOptions& options, const DataSection& data);

// The text that a tokenizer was trained on.
struct TokenizerTraining {
  std::vector<SampledShard> shards;
  DataCounters counters;  // tokens are not counted
};

// pad is 0, eos 1 and unk 2; there is no bos. Text is normalised by nmt_nfkc. The same text and
// options give the same bytes, on any machine. Throws DataError (no usable text), ConfigError (bad
// options, or a vocabulary that the text cannot fill) and RuntimeFailure (the model cannot be
// written).
TokenizerTraining train_tokenizer(const TrainTokenizerOptions& options);

}  // namespace sy
