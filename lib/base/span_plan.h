// The lengths of span corruption (Raffel et al. 2020), for whoever needs them: the configuration,
// its validation, and the masks themselves. They are those of the mask that is made, whose counts
// are rounded half to even in float32 as TensorFlow rounds them (seqio's random_spans_noise_mask).
#pragma once

#include <cstdint>

namespace sy {

struct SpanPlan {
  int64_t window_tokens = 0;   // tokens of text an example is made from
  int64_t noise_tokens = 0;    // masked tokens of a window
  int64_t spans = 0;           // runs of them: sentinels needed
  int64_t kept_tokens = 0;     // the others
  int64_t inputs = 0;          // kept_tokens + spans + eos
  int64_t targets = 0;         // noise_tokens + spans + eos
  int64_t decoder_length = 0;  // room for the targets
};

// Of windows of `window` tokens; decoder_length is `targets`. A density of 0 masks nothing. A
// window of one token is planned as two, for its mask is that of two cut short.
SpanPlan window_plan(int64_t window, double density, double mean_span);

// Of the windows that fill inputs of `encoder_length`: T5's window (random_spans_helper) where its
// inputs fit, else the next shorter one whose do. T5 rounds in float64 there and so misses some
// masks by a token; its decoder_length is replaced by what the mask needs, except that at density
// 0.5 it keeps T5's rule, which may leave a token unused. Throws ConfigError unless encoder_length
// >= 3, 0 <= density < 1 and mean_span >= 1.
SpanPlan span_plan(int64_t encoder_length, double density, double mean_span);

}  // namespace sy
