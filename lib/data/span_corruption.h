// SPDX-License-Identifier: Apache-2.0
// T5's span corruption (Raffel et al. 2020; random_spans_noise_mask and denoise in t5's
// preprocessors). In the input each run of masked tokens is replaced by one sentinel; the target
// lists the sentinels and the masked tokens. Both end with eos.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/random.h"
#include "lib/base/token_ids.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// Random draws reserved for an example: example i uses draws [i, i + 1) * kDrawsPerExample of the
// key, so that a mask is a pure function of (seed, example). An example uses fewer draws than it
// has tokens, and no example is that long.
constexpr uint64_t kDrawsPerExample = uint64_t{1} << 24;

// Divides `total` into `parts` positive lengths, uniformly at random. Advances `draw` by parts - 1.
// Requires 1 <= parts <= total.
std::vector<int64_t> random_partition(int64_t total, int64_t parts, const RandomKey& key,
                                      uint64_t& draw);

// A mask, 1 for noise, of nonnoise and noise spans in turn, beginning with nonnoise.
std::vector<uint8_t> interleave_spans(std::span<const int64_t> nonnoise,
                                      std::span<const int64_t> noise);

// The mask of example `index`, with the counts of window_plan(). All zeros if density is 0 or
// length is 1. Requires spans <= kept_tokens.
std::vector<uint8_t> noise_mask(int64_t length, double density, double mean_span, uint64_t seed,
                                uint64_t index);

// Overwrites `ids` with the tokens whose mask is 0 and one sentinel, in the order of `sentinels`,
// for each run of 1s. Throws ConfigError if there are more runs than sentinels.
void noise_span_to_unique_sentinel(std::vector<int32_t>& ids, std::span<const int32_t> tokens,
                                   std::span<const uint8_t> mask,
                                   std::span<const int32_t> sentinels);

// The same for the inverted mask.
void nonnoise_span_to_unique_sentinel(std::vector<int32_t>& ids, std::span<const int32_t> tokens,
                                      std::span<const uint8_t> mask,
                                      std::span<const int32_t> sentinels);

}  // namespace sy
