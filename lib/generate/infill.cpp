// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/infill.h"

#include <fmt/format.h>

#include <algorithm>

namespace sy {

std::vector<int32_t> infill_prompt(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  ids.push_back(tokenizer.eos());
  return ids;
}

std::string target_text(const Tokenizer& tokenizer, std::vector<int32_t> target) {
  target.erase(std::find(target.begin(), target.end(), tokenizer.eos()), target.end());
  return tokenizer.decode(target);
}

std::string fill_blanks(const Tokenizer& tokenizer, const std::string& text,
                        const std::vector<int32_t>& target) {
  std::string result = text;
  const auto is_span = [&](int32_t id) {
    return id != tokenizer.eos() && tokenizer.sentinel_number(id) < 0;
  };
  size_t i = 0;
  while (i < target.size()) {
    const int64_t number = tokenizer.sentinel_number(target[i++]);
    if (number < 0) continue;
    std::vector<int32_t> span;
    while (i < target.size() && is_span(target[i])) span.push_back(target[i++]);
    const std::string mark = fmt::format("<extra_id_{}>", number);
    const size_t place = result.find(mark);
    if (place != std::string::npos) result.replace(place, mark.size(), tokenizer.decode(span));
  }
  return result;
}

}  // namespace sy
