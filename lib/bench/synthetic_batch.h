// SPDX-License-Identifier: Apache-2.0
// Batches of random ids at full length: the work of a step without text, tokenizer or disk.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/config/run_config.h"
#include "lib/data/example.h"

namespace sy {

// Returns `count` examples from global index `first` on, of encoder_length and decoder_length
// tokens, each ending with eos. Ids are uniform over the vocabulary without padding and eos, and a
// pure function of the seed and the index, so every mesh sees the same batch. `config` must be
// resolved.
std::vector<Example> synthetic_examples(const RunConfig& config, int64_t first, int64_t count);

}  // namespace sy
