// SPDX-License-Identifier: Apache-2.0
#include "lib/base/objective_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "lib/base/span_plan.h"

namespace sy {
namespace {

constexpr int64_t kEos = 1;
constexpr int64_t kLongestWindow = 1 << 20;  // as data.window_tokens

std::string sentinel_text(int64_t k) {
  return fmt::format("<extra_id_{}>", k);
}

// Tay et al. 2022, table 1. The mean span of S is what follows from its share of the window.
std::vector<Denoiser> ul2_denoisers(int64_t extra_ids) {
  const std::string r = sentinel_text(extra_ids - 1), s = sentinel_text(extra_ids - 2),
                    x = sentinel_text(extra_ids - 3);
  constexpr DenoiserKind kSpan = DenoiserKind::span;
  return {{"R", kSpan, 3, 0.15, 1, r},
          {"R", kSpan, 8, 0.15, 1, r},
          {"S", DenoiserKind::prefix, 3, 0.25, 1, s},
          {"X", kSpan, 3, 0.5, 1, x},
          {"X", kSpan, 8, 0.5, 1, x},
          {"X", kSpan, 64, 0.15, 1, x},
          {"X", kSpan, 64, 0.5, 1, x}};
}

// Where a denoiser's numbers are set: its place in the list, or the keys of span corruption.
struct Keys {
  std::string density, span;
};
Keys keys_of(Objective objective, size_t place) {
  if (objective != Objective::ul2) {
    return {"data.noise_density", "data.mean_noise_span"};
  }
  const std::string section = fmt::format("data.denoisers[{}].", place);
  return {section + "noise_density", section + "mean_noise_span"};
}

bool fits(const Denoiser& denoiser, int64_t window, const ObjectiveOptions& options) {
  const DenoiserLengths made = denoiser_lengths(denoiser, window);
  const bool next_token = denoiser.kind == DenoiserKind::next_token;
  // Nothing else would bound the windows of next-token prediction.
  const int64_t targets =
      options.decoder_length.value_or(next_token ? options.encoder_length : kLongestWindow);
  return window <= kLongestWindow && made.inputs <= options.encoder_length &&
         made.targets <= targets;
}

// Lengths grow with the window, so the longest one that fits is found by halving.
int64_t longest_window(const Denoiser& denoiser, const ObjectiveOptions& options) {
  int64_t fitting = 2, failing = kLongestWindow + 1;
  while (failing - fitting > 1) {
    const int64_t middle = fitting + (failing - fitting) / 2;
    (fits(denoiser, middle, options) ? fitting : failing) = middle;
  }
  return fitting;
}

SpanPlan plan_of_spans(const ObjectiveOptions& options) {
  return options.window_tokens
             ? window_plan(*options.window_tokens, options.noise_density, options.mean_noise_span)
             : span_plan(options.encoder_length, options.noise_density, options.mean_noise_span);
}

}  // namespace

std::vector<Denoiser> denoisers_of(const ObjectiveOptions& options) {
  switch (options.objective) {
    case Objective::span_corruption:
      return {{"span", DenoiserKind::span, options.mean_noise_span, options.noise_density, 1, ""}};
    case Objective::prefix_lm:
      return {{"prefix", DenoiserKind::random_prefix, 3, 0.5, 1, ""}};
    case Objective::next_token:
      return {{"next", DenoiserKind::next_token, 3, 0.5, 1, ""}};
    case Objective::ul2:
      break;
  }
  return options.denoisers.empty() ? ul2_denoisers(options.extra_ids) : options.denoisers;
}

DenoiserLengths denoiser_lengths(const Denoiser& denoiser, int64_t window) {
  const int64_t rest = kEos + (denoiser.mode_token.empty() ? 0 : 1);
  const SpanPlan plan = window_plan(window, denoiser.noise_density, denoiser.mean_noise_span);
  switch (denoiser.kind) {
    case DenoiserKind::span:
      return {plan.spans, plan.kept_tokens, plan.kept_tokens + plan.spans + rest, plan.targets};
    case DenoiserKind::prefix:
      return {0, plan.kept_tokens, plan.kept_tokens + rest, plan.noise_tokens + kEos};
    case DenoiserKind::random_prefix:
      return {0, window - 1, window - 1 + rest, window - 1 + kEos};
    case DenoiserKind::next_token:
      break;
  }
  return {0, 0, rest, window + kEos};
}

ObjectiveLengths objective_lengths(const ObjectiveOptions& options) {
  ObjectiveLengths lengths;
  int64_t targets = 0;
  if (options.objective == Objective::span_corruption) {
    const SpanPlan plan = plan_of_spans(options);
    lengths.window_tokens = plan.window_tokens;
    targets = plan.decoder_length;
  } else {
    const std::vector<Denoiser> denoisers = denoisers_of(options);
    lengths.window_tokens = options.window_tokens.value_or(kLongestWindow);
    for (const Denoiser& denoiser : denoisers) {
      if (options.window_tokens) break;
      lengths.window_tokens = std::min(lengths.window_tokens, longest_window(denoiser, options));
    }
    for (const Denoiser& denoiser : denoisers) {
      targets = std::max(targets, denoiser_lengths(denoiser, lengths.window_tokens).targets);
    }
  }
  lengths.decoder_length = options.decoder_length.value_or(targets);
  return lengths;
}

int64_t sentinel_in_text(const std::string& text) {
  constexpr std::string_view kOpening = "<extra_id_";
  if (!text.starts_with(kOpening) || !text.ends_with('>')) return -1;
  const char* const last = text.data() + text.size() - 1;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + kOpening.size(), last, number);
  return error == std::errc() && end == last && number >= 0 ? number : -1;
}

int64_t sentinels_for_spans(const std::vector<Denoiser>& denoisers, int64_t sentinels) {
  for (const Denoiser& denoiser : denoisers) {
    const int64_t number = sentinel_in_text(denoiser.mode_token);
    if (number >= 0) sentinels = std::min(sentinels, number);
  }
  return sentinels;
}

std::vector<std::string> find_objective_faults(const ObjectiveOptions& options, int64_t sentinels) {
  std::vector<std::string> faults;
  const ObjectiveLengths lengths = objective_lengths(options);
  const int64_t window = lengths.window_tokens;
  const std::vector<Denoiser> denoisers = denoisers_of(options);
  const int64_t free = sentinels_for_spans(denoisers, sentinels);
  const std::string taken =
      free == sentinels ? "" : fmt::format(" ({} of them are mode tokens)", sentinels - free);
  DenoiserLengths most;
  std::string span;  // the key of most.spans
  for (size_t i = 0; i < denoisers.size(); ++i) {
    const DenoiserLengths made = denoiser_lengths(denoisers[i], window);
    const Keys keys = keys_of(options.objective, i);
    if (made.spans > made.kept) {
      faults.push_back(fmt::format(
          "{}: {} masks {} spans per window and leaves only {} tokens to separate them; lower it "
          "or raise {}",
          keys.density, denoisers[i].noise_density, made.spans, made.kept, keys.span));
    }
    if (made.spans > most.spans) span = keys.span;
    most.spans = std::max(most.spans, made.spans);
    most.inputs = std::max(most.inputs, made.inputs);
    most.targets = std::max(most.targets, made.targets);
  }
  if (most.spans > free) {
    faults.push_back(
        fmt::format("data.extra_ids: {} sentinels{} are too few for the {} masked spans in a "
                    "window of {} tokens; raise it to {} or more, or raise {}",
                    sentinels, taken, most.spans, window, most.spans + sentinels - free, span));
  }
  if (most.inputs > options.encoder_length) {
    faults.push_back(
        fmt::format("data.window_tokens: {} yields inputs of {} tokens, more than "
                    "data.encoder_length ({}); use auto",
                    window, most.inputs, options.encoder_length));
  }
  if (most.targets > lengths.decoder_length) {
    faults.push_back(
        fmt::format("data.decoder_length: {} is less than the {} tokens of a target made from a "
                    "window of {}; use auto",
                    lengths.decoder_length, most.targets, window));
  }
  return faults;
}

}  // namespace sy
