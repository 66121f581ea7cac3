// Batches of random ids at full length: a step's work without text, tokenizer or disk.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/example.h"

namespace sy {

// `count` examples from global index `first` on, each of encoder_length and decoder_length tokens
// with eos at the end. Ids are uniform over the vocabulary, without padding and eos; a pure
// function of the seed and the index, so every mesh sees the same batch. `config` is resolved.
std::vector<Example> synthetic_examples(const RunConfig& config, int64_t first, int64_t count);

}  // namespace sy
