// How much text fills one example: the lengths that span corruption neither pads nor cuts.
// Source: random_spans_helper of T5 (Raffel et al. 2020), one sentinel a span on both sides.
#pragma once

#include <cstdint>

namespace sy {

struct SpanLengths {
  int64_t window_tokens = 0;   // tokens of text an example is made from
  int64_t decoder_length = 0;  // tokens of its target, eos included
  int64_t noise_tokens = 0;    // masked tokens of a window
  int64_t spans = 0;           // masked spans of a window: sentinels needed
};

// The longest window that grows, a token at a time from encoder_length - 1, without its input (eos
// included) outgrowing `encoder_length`. Rounds half to even in float64 as Python does. Throws
// ConfigError unless encoder_length >= 2, 0 <= density < 1 and mean_span > 0.
SpanLengths span_lengths(int64_t encoder_length, double density, double mean_span);

}  // namespace sy
