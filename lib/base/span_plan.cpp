// SPDX-License-Identifier: Apache-2.0
#include "lib/base/span_plan.h"

#include <algorithm>
#include <cmath>

#include "lib/base/error.h"

namespace sy {
namespace {

constexpr int64_t kEosTokens = 1;

int64_t round_half_even(float value) {
  return static_cast<int64_t>(std::nearbyint(value));
}

struct T5Lengths {
  int64_t inputs, targets;
};

// T5's estimate. In the default rounding mode llrint rounds half to even, as Python's round() does.
T5Lengths t5_lengths(int64_t tokens, double density, double mean_span) {
  const int64_t noise = std::llrint(static_cast<double>(tokens) * density);
  const int64_t spans = std::llrint(static_cast<double>(noise) / mean_span);
  return {tokens - noise + spans + kEosTokens, noise + spans + kEosTokens};
}

void check(int64_t encoder_length, double density, double mean_span) {
  if (encoder_length < 3) {
    throw ConfigError(fmt::format(
        "data.encoder_length: {} is too short for a token, a sentinel and eos; use 3 or more",
        encoder_length));
  }
  if (!(density >= 0 && density < 1)) {
    throw ConfigError(fmt::format("data.noise_density: {} is not in [0, 1)", density));
  }
  if (!(mean_span >= 1)) {
    throw ConfigError(fmt::format("data.mean_noise_span: {} is less than 1", mean_span));
  }
}

}  // namespace

SpanPlan window_plan(int64_t window, double density, double mean_span) {
  SpanPlan plan;
  plan.window_tokens = window;
  plan.kept_tokens = window;
  if (density != 0) {
    const int64_t tokens = std::max<int64_t>(window, 2);
    const int64_t noise = round_half_even(static_cast<float>(tokens) * static_cast<float>(density));
    plan.noise_tokens = std::clamp<int64_t>(noise, 1, tokens - 1);
    plan.kept_tokens = tokens - plan.noise_tokens;
    const int64_t spans =
        round_half_even(static_cast<float>(plan.noise_tokens) / static_cast<float>(mean_span));
    plan.spans = std::max<int64_t>(1, spans);
  }
  plan.inputs = plan.kept_tokens + plan.spans + kEosTokens;
  plan.targets = plan.noise_tokens + plan.spans + kEosTokens;
  plan.decoder_length = plan.targets;
  return plan;
}

SpanPlan span_plan(int64_t encoder_length, double density, double mean_span) {
  check(encoder_length, density, mean_span);
  // Always fits: a span is one sentinel and at least one token.
  int64_t window = encoder_length - 1;
  while (t5_lengths(window + 1, density, mean_span).inputs <= encoder_length) ++window;
  // T5's special case: with half of the text masked, targets must not become longer than inputs.
  const int64_t longest = t5_lengths(window, density, mean_span).targets;
  const bool shortened = density == 0.5 && longest > encoder_length;
  if (shortened) --window;
  SpanPlan plan = window_plan(window, density, mean_span);
  while (plan.inputs > encoder_length) plan = window_plan(--window, density, mean_span);
  if (shortened) plan.decoder_length = std::max(plan.targets, longest - 1);
  return plan;
}

}  // namespace sy
