// Fills the blanks of a sentence: greedy decoding of the spans behind its sentinels.
#pragma once

#include <string>

#include "lib/train/session.h"

namespace sy {

struct Infill {
  std::string text;     // the sentence with its blanks filled
  std::string decoded;  // what the model wrote: sentinels and spans
};

// `text` holds <extra_id_0>, <extra_id_1>, ...; longer texts than data.encoder_length are a
// ConfigError. Decodes at most data.decoder_length tokens. The model is allocated for one sequence
// or more.
Infill infill(Session& session, const std::string& text);

// `text` with each <extra_id_k> replaced by what `target` has between <extra_id_k> and the next
// sentinel.
std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target);

}  // namespace sy
