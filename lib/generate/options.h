// How a target is searched for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/token_ids.h"

namespace sy {

enum class Strategy : uint8_t { greedy, sample, beam };

struct GenerateOptions {
  Strategy strategy = Strategy::greedy;
  int64_t max_length = 0;  // most tokens of a target, eos included
  int64_t batch = 8;       // prompts that run together
  int32_t eos = kEosId;    // ends a target
  int32_t start = kPadId;  // what the decoder reads first

  // sample: softmax(logits / temperature), of which the most likely tokens are kept whose mass
  // first reaches top_p (Holtzman et al. 2020, "nucleus").
  double temperature = 1.0;
  double top_p = 1.0;
  uint64_t seed = 1;

  // beam: a finished target's score is its log-probability / length^length_penalty, eos counted.
  int64_t beams = 4;
  double length_penalty = 1.0;
  bool early_stopping = false;  // end once `beams` targets are finished

  // Sequences that one prompt needs.
  int64_t rows_per_prompt() const { return strategy == Strategy::beam ? beams : 1; }
};

// One sentence for each value out of range, beginning with the command line's name of it.
std::vector<std::string> find_faults(const GenerateOptions& options);

}  // namespace sy
