// SPDX-License-Identifier: Apache-2.0
#include "lib/data/denoise.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/base/span_plan.h"
#include "lib/data/span_corruption.h"

namespace sy {
namespace {

// Where the target of a prefix denoiser begins.
int64_t cut_of(const Denoiser& denoiser, int64_t length, uint64_t seed, int64_t index) {
  if (length < 2) return length;
  if (denoiser.kind == DenoiserKind::prefix) {
    return window_plan(length, denoiser.noise_density, denoiser.mean_noise_span).kept_tokens;
  }
  const RandomKey key{seed, 0, site::kPrefixes};
  return 1 + random_below(key, static_cast<uint64_t>(index), narrow<uint32_t>(length - 1));
}

}  // namespace

int32_t mode_token_id(const Denoiser& denoiser, const Tokenizer& tokenizer) {
  if (denoiser.mode_token.empty()) return -1;
  const int64_t number = sentinel_in_text(denoiser.mode_token);
  if (number >= 0 && number < tokenizer.sentinels()) return tokenizer.sentinel(number);
  if (const auto id = tokenizer.find_piece(denoiser.mode_token)) return *id;
  throw ConfigError(fmt::format(
      "data.denoisers: the tokenizer has no piece '{}' for the mode token of {}; name a sentinel "
      "such as <extra_id_{}>, or train the tokenizer with --user-symbol '{}'",
      denoiser.mode_token, denoiser.name, tokenizer.sentinels() - 1, denoiser.mode_token));
}

DenoiserMixture::DenoiserMixture(const ObjectiveOptions& options, const Tokenizer& tokenizer,
                                 uint64_t seed)
    : denoisers_(denoisers_of(options)), tokenizer_(tokenizer), seed_(seed) {
  double end = 0;
  for (const Denoiser& denoiser : denoisers_) {
    modes_.push_back(mode_token_id(denoiser, tokenizer));
    ends_.push_back(end += denoiser.weight);
  }
  sentinels_ = tokenizer.sentinel_ids().first(
      narrow<size_t>(sentinels_for_spans(denoisers_, tokenizer.sentinels())));
}

size_t DenoiserMixture::draw(int64_t index) const {
  const RandomKey key{seed_, 0, site::kDenoisers};
  const double place =
      static_cast<double>(random_uniform(key, static_cast<uint64_t>(index))) * ends_.back();
  const auto found = std::upper_bound(ends_.begin(), ends_.end() - 1, place);
  return static_cast<size_t>(found - ends_.begin());
}

void DenoiserMixture::make(Example& example, std::span<const int32_t> window) const {
  const size_t drawn = draw(example.index);
  const Denoiser& denoiser = denoisers_[drawn];
  example.denoiser = narrow<int64_t>(drawn);
  example.inputs.clear();
  example.targets.clear();
  if (denoiser.kind == DenoiserKind::span) {
    const std::vector<uint8_t> mask =
        noise_mask(std::ssize(window), denoiser.noise_density, denoiser.mean_noise_span, seed_,
                   static_cast<uint64_t>(example.index));
    noise_span_to_unique_sentinel(example.inputs, window, mask, sentinels_);
    nonnoise_span_to_unique_sentinel(example.targets, window, mask, sentinels_);
  } else {
    const int64_t cut = denoiser.kind == DenoiserKind::next_token
                            ? 0
                            : cut_of(denoiser, std::ssize(window), seed_, example.index);
    example.inputs.assign(window.begin(), window.begin() + cut);
    example.targets.assign(window.begin() + cut, window.end());
  }
  if (modes_[drawn] >= 0) example.inputs.insert(example.inputs.begin(), modes_[drawn]);
  example.inputs.push_back(tokenizer_.eos());
  example.targets.push_back(tokenizer_.eos());
}

}  // namespace sy
