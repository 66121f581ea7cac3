// Faults between values that are each in range on their own, and the lengths behind them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// What span corruption makes of a window of `tokens` tokens (Raffel et al. 2020; seqio's
// random_spans_noise_mask): every window of that size gives the same lengths, eos included.
struct WindowLengths {
  int64_t spans = 0;    // masked spans, each one sentinel
  int64_t kept = 0;     // tokens that are not masked
  int64_t inputs = 0;   // kept + spans + 1
  int64_t targets = 0;  // masked + spans + 1
};
WindowLengths window_lengths(int64_t tokens, double noise_density, double mean_noise_span);

// As find_faults. Relations whose values are out of range themselves are passed over.
std::vector<std::string> find_relation_faults(const RunConfig& config);

}  // namespace sy
