// SPDX-License-Identifier: Apache-2.0
// Fills the blanks of a text: makes the prompt, and inserts the generated target into the text.
#pragma once

#include <string>
#include <vector>

#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// The ids of the text, with eos. Blanks are <extra_id_0>, <extra_id_1>, ...
std::vector<int32_t> infill_prompt(const Tokenizer& tokenizer, const std::string& text);

// `target` as text: sentinels and spans, without eos.
std::string target_text(const Tokenizer& tokenizer, std::vector<int32_t> target);

// Returns `text` with each <extra_id_k> replaced by the part of `target` between <extra_id_k> and
// the next sentinel, eos or the end.
std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target);

}  // namespace sy
