#include "lib/data/span_lengths.h"

#include <cmath>

#include "lib/base/error.h"

namespace sy {
namespace {

struct Split {
  int64_t noise, spans, inputs, targets;
};

// llrint rounds half to even in the default rounding mode, as Python's round() does.
Split split(int64_t tokens, double density, double mean_span) {
  const int64_t noise = std::llrint(static_cast<double>(tokens) * density);
  const int64_t spans = std::llrint(static_cast<double>(noise) / mean_span);
  constexpr int64_t kEos = 1;
  return {noise, spans, tokens - noise + spans + kEos, noise + spans + kEos};
}

void check(int64_t encoder_length, double density, double mean_span) {
  if (encoder_length < 2) {
    throw ConfigError(fmt::format(
        "data.encoder_length: {} has no room for a token and eos; use 2 or more", encoder_length));
  }
  if (!(density >= 0 && density < 1)) {
    throw ConfigError(fmt::format("data.noise_density: {} is not in [0, 1)", density));
  }
  if (!(mean_span > 0)) {
    throw ConfigError(fmt::format("data.mean_noise_span: {} is not above 0", mean_span));
  }
}

}  // namespace

SpanLengths span_lengths(int64_t encoder_length, double density, double mean_span) {
  check(encoder_length, density, mean_span);
  int64_t tokens = encoder_length - 1;
  while (split(tokens + 1, density, mean_span).inputs <= encoder_length) ++tokens;
  const Split found = split(tokens, density, mean_span);
  SpanLengths lengths{tokens, found.targets, found.noise, found.spans};
  // T5's special case: half of the text masked must not make targets longer than inputs.
  if (density == 0.5 && lengths.decoder_length > encoder_length) {
    --lengths.window_tokens;
    --lengths.decoder_length;
    const Split reduced = split(lengths.window_tokens, density, mean_span);
    lengths.noise_tokens = reduced.noise;
    lengths.spans = reduced.spans;
  }
  return lengths;
}

}  // namespace sy
