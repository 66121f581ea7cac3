// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/sampling.h"

#include <algorithm>
#include <cmath>

#include "lib/base/random.h"

namespace sy {
namespace {

// 53 random bits: with the 24 of random_uniform(), the rarest tokens of a large vocabulary would
// never be drawn.
double uniform_of(uint64_t seed, int64_t prompt, int64_t position) {
  const RandomKey key{seed, static_cast<uint32_t>(position), site::kSampling};
  const Philox4 words = philox(key, static_cast<uint64_t>(prompt));
  const uint64_t bits = (static_cast<uint64_t>(words.word[0]) << 32 | words.word[1]) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

}  // namespace

std::vector<WeightedToken> nucleus(std::span<const float> logits, double temperature,
                                   double top_p) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<WeightedToken> tokens(logits.size());
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp(static_cast<double>(logits[i] - largest) / temperature);
    tokens[i] = {static_cast<int32_t>(i), weight};
    total += weight;
  }
  if (top_p >= 1) return tokens;
  // A heap, not a sort, because the nucleus is usually much smaller than the vocabulary.
  const auto less_likely = [](const WeightedToken& a, const WeightedToken& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.id > b.id;
  };
  std::make_heap(tokens.begin(), tokens.end(), less_likely);
  std::vector<WeightedToken> kept;
  for (double mass = 0; mass < top_p * total && !tokens.empty(); mass += kept.back().weight) {
    std::pop_heap(tokens.begin(), tokens.end(), less_likely);
    kept.push_back(tokens.back());
    tokens.pop_back();
  }
  return kept;
}

int32_t draw(const std::vector<WeightedToken>& tokens, double uniform) {
  double total = 0;
  for (const WeightedToken& token : tokens) total += token.weight;
  double left = uniform * total;
  int32_t last = tokens.front().id;
  for (const WeightedToken& token : tokens) {
    if (token.weight == 0) continue;
    last = token.id;
    if (left < token.weight) break;
    left -= token.weight;
  }
  return last;
}

int32_t Sampling::choose(std::span<const float> logits, int64_t position) {
  return draw(nucleus(logits, options_.temperature, options_.top_p),
              uniform_of(options_.seed, prompt_, position));
}

}  // namespace sy
