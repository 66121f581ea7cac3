// SPDX-License-Identifier: Apache-2.0
// The training objectives and the lengths that follow from them, shared by the configuration, its
// validation and the data pipeline. An objective is a list of denoisers; an example is made by one
// of them, drawn by weight, from a window of text. All denoisers use windows of the same length,
// each all of its window, so that the order of the text does not depend on what is drawn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sy {

enum class Objective : uint8_t { span_corruption, prefix_lm, next_token, ul2 };

// What a denoiser makes of a window.
//   span:          spans are masked (Raffel et al. 2020): inputs with sentinels, targets the spans
//   prefix:        inputs are all but the last noise_density of the window, which is the target
//   random_prefix: the same, cut at a place drawn uniformly (T5's prefix language model)
//   next_token:    inputs hold no text; the target is the whole window
enum class DenoiserKind : uint8_t { span, prefix, random_prefix, next_token };

struct Denoiser {
  std::string name;
  DenoiserKind kind = DenoiserKind::span;
  double mean_noise_span = 3.0;  // of a span denoiser
  double noise_density = 0.15;   // of a span or prefix denoiser
  double weight = 1.0;
  std::string mode_token;
  bool operator==(const Denoiser&) const = default;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "word that names it, for infill --mode and inspect data");
    visit("kind", kind,
          "span: masks spans; prefix: the target is the end of the window; random_prefix: the "
          "same, cut at a random place; next_token: the target is the whole window");
    visit("mean_noise_span", mean_noise_span, "span: mean length of a masked span");
    visit("noise_density", noise_density,
          "span: fraction of tokens that is masked; prefix: fraction of the window that is the "
          "target");
    visit("weight", weight, "share of the examples, relative to the other weights");
    visit("mode_token", mode_token,
          "piece of the tokenizer that the input begins with, such as <extra_id_99>, which spans "
          "then leave alone; empty: none");
  }
};

// The part of the configuration that the lengths follow from.
struct ObjectiveOptions {
  Objective objective = Objective::span_corruption;
  std::vector<Denoiser> denoisers;                     // of ul2; empty: the paper's
  double noise_density = 0.15, mean_noise_span = 3.0;  // of span_corruption
  int64_t extra_ids = 100, encoder_length = 128;
  std::optional<int64_t> window_tokens, decoder_length;  // nothing: to be derived
};

// The denoisers of an objective, at least one. For ul2 without a list, those of UL2 (Tay et al.
// 2022, table 1): R, S and X, with equal weights and the last three sentinels as mode tokens.
std::vector<Denoiser> denoisers_of(const ObjectiveOptions& options);

// The longest sequences that a denoiser makes of windows of `window` tokens, with mode token and
// eos. `spans` is the number of sentinels, `kept` the tokens that separate them.
struct DenoiserLengths {
  int64_t spans = 0, kept = 0, inputs = 0, targets = 0;
};
DenoiserLengths denoiser_lengths(const Denoiser& denoiser, int64_t window);

struct ObjectiveLengths {
  int64_t window_tokens = 0, decoder_length = 0;
};

// Derives what is not given: the longest window that fits in encoder_length for every denoiser
// (except under span_corruption, also in decoder_length if that is given), and the decoder_length
// that holds every denoiser's targets.
ObjectiveLengths objective_lengths(const ObjectiveOptions& options);

// k of "<extra_id_k>", or -1 for other texts.
int64_t sentinel_in_text(const std::string& text);

// How many of `sentinels` sentinels spans may use: those before the first that is a mode token.
int64_t sentinels_for_spans(const std::vector<Denoiser>& denoisers, int64_t sentinels);

// What does not fit, as messages "key: what is wrong; remedy". The numbers of the options must each
// be in range. Empty if every denoiser's sequences fit and there are enough sentinels.
std::vector<std::string> find_objective_faults(const ObjectiveOptions& options, int64_t sentinels);

}  // namespace sy
