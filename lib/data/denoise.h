// SPDX-License-Identifier: Apache-2.0
// Makes an example of a window of text, by one of the objective's denoisers
// (lib/base/objective_plan.h). With m for the mode token, if there is one:
//
//   span:                   inputs  m, tokens with sentinels for the masked spans, eos
//                           targets sentinels and masked spans, eos
//   prefix, random_prefix:  inputs  m, the beginning of the window, eos
//                           targets the rest, eos
//   next_token:             inputs  m, eos    (the encoder must read something)
//                           targets the window, eos
//
// Everything drawn is a function of the seed and the example's index.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lib/base/objective_plan.h"
#include "lib/data/example.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// The id of a denoiser's mode token, or -1 if it has none. Throws ConfigError if it is no piece of
// the tokenizer.
int32_t mode_token_id(const Denoiser& denoiser, const Tokenizer& tokenizer);

class DenoiserMixture {
 public:
  // `tokenizer` must outlive it. Throws ConfigError if it lacks a mode token.
  DenoiserMixture(const ObjectiveOptions& options, const Tokenizer& tokenizer, uint64_t seed);

  const std::vector<Denoiser>& denoisers() const { return denoisers_; }

  // The denoiser of example `index`, drawn by weight.
  size_t draw(int64_t index) const;

  // Overwrites inputs, targets and denoiser of `example` from its index and a window of at least
  // one token. A window of one token is all input of a prefix denoiser, with eos alone as target.
  void make(Example& example, std::span<const int32_t> window) const;

 private:
  std::vector<Denoiser> denoisers_;
  std::vector<int32_t> modes_;  // ids of the mode tokens, -1 for none
  std::vector<double> ends_;    // sums of the weights
  const Tokenizer& tokenizer_;
  std::span<const int32_t> sentinels_;  // for spans
  uint64_t seed_;
};

}  // namespace sy
