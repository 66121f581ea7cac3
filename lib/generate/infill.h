// Filling the blanks of a text: the prompt that it is, and the target put back into it.
#pragma once

#include <string>
#include <vector>

#include "lib/data/tokenizer/tokenizer.h"

namespace sy {

// The text's ids with eos. Blanks are <extra_id_0>, <extra_id_1>, ...
std::vector<int32_t> infill_prompt(const Tokenizer& tokenizer, const std::string& text);

// `target` as text: sentinels and spans, without eos.
std::string target_text(const Tokenizer& tokenizer, std::vector<int32_t> target);

// `text` with each <extra_id_k> replaced by what `target` has between <extra_id_k> and the next
// sentinel, or its end or eos.
std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target);

}  // namespace sy
