// SPDX-License-Identifier: Apache-2.0
// Options of generation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/token_ids.h"

namespace sy {

enum class Strategy : uint8_t { greedy, sample, beam };

struct GenerateOptions {
  Strategy strategy = Strategy::greedy;
  int64_t max_length = 0;  // max. tokens of a target, eos included
  int64_t batch = 8;       // prompts per batch
  int32_t eos = kEosId;    // ends a target
  int32_t start = kPadId;  // the decoder's first input

  // sample: softmax(logits / temperature), restricted to the smallest set of most likely tokens
  // whose probabilities sum to at least top_p (nucleus sampling, Holtzman et al. 2020).
  double temperature = 1.0;
  double top_p = 1.0;
  uint64_t seed = 1;

  // beam: the score of a finished target is log-probability / length^length_penalty; the length
  // includes eos.
  int64_t beams = 4;
  double length_penalty = 1.0;
  bool early_stopping = false;  // stop once `beams` targets are finished

  // Sequences per prompt.
  int64_t rows_per_prompt() const { return strategy == Strategy::beam ? beams : 1; }
};

// One message for each value that is out of range, starting with the name of its command-line
// option.
std::vector<std::string> find_faults(const GenerateOptions& options);

}  // namespace sy
