// SPDX-License-Identifier: Apache-2.0
// The lengths of span corruption (Raffel et al. 2020), shared by the configuration, its validation
// and the masks themselves. They describe the mask that is actually drawn, whose counts are rounded
// half to even in float32, as TensorFlow rounds them (seqio's random_spans_noise_mask).
#pragma once

#include <cstdint>

namespace sy {

struct SpanPlan {
  int64_t window_tokens = 0;   // tokens of text that make one example
  int64_t noise_tokens = 0;    // masked tokens in a window
  int64_t spans = 0;           // runs of masked tokens; the sentinels needed
  int64_t kept_tokens = 0;     // unmasked tokens
  int64_t inputs = 0;          // kept_tokens + spans + eos
  int64_t targets = 0;         // noise_tokens + spans + eos
  int64_t decoder_length = 0;  // length that holds the targets
};

// The plan of a window of `window` tokens; decoder_length is `targets`. A density of 0 masks
// nothing. A window of one token is planned as two, because its mask is that of two tokens,
// truncated.
SpanPlan window_plan(int64_t window, double density, double mean_span);

// The plan of the longest window whose inputs fit in `encoder_length`: T5's window
// (random_spans_helper) if its inputs fit, else the next shorter one whose inputs do. T5 rounds in
// float64 there and is therefore off by one token for some masks. Its decoder_length is replaced by
// what the mask needs, except at density 0.5, where T5's rule is kept and may leave one token
// unused. Throws ConfigError unless encoder_length >= 3, 0 <= density < 1 and mean_span >= 1.
SpanPlan span_plan(int64_t encoder_length, double density, double mean_span);

}  // namespace sy
