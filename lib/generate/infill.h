// SPDX-License-Identifier: Apache-2.0
// Fills the blanks of a text, or continues it: makes the prompt, and puts the generated target
// where it belongs.
#pragma once

#include <string>
#include <vector>

#include "lib/base/objective_plan.h"
#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// The denoiser of the model's objective that a prompt imitates. Of several, the first that has the
// name `mode`; without a name, the first that masks spans for a text with blanks, and the first
// that continues a prefix for one without. Throws ConfigError if there is none.
Denoiser prompt_denoiser(const ObjectiveOptions& options, const std::string& mode, bool has_blanks);

// The id of the mode token unless it is -1, the ids of the text, and eos. Blanks are <extra_id_0>,
// <extra_id_1>, ...
std::vector<int32_t> infill_prompt(const Tokenizer& tokenizer, const std::string& text,
                                   int32_t mode = -1);

// `target` as text: sentinels and spans, without eos.
std::string target_text(const Tokenizer& tokenizer, std::vector<int32_t> target);

// Returns `text` with each <extra_id_k> replaced by the part of `target` between <extra_id_k> and
// the next sentinel, eos or the end.
std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target);

// Returns `text` followed by `target` as its continuation, up to eos.
std::string continue_text(const Tokenizer& tokenizer, const std::string& text,
                          std::vector<int32_t> target);

}  // namespace sy
