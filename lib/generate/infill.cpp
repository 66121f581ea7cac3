// SPDX-License-Identifier: Apache-2.0
#include "lib/generate/infill.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.h"

namespace sy {

namespace {

bool imitates(const Denoiser& denoiser, const std::string& mode, bool has_blanks) {
  if (denoiser.kind == DenoiserKind::next_token) return false;
  if (!mode.empty()) return denoiser.name == mode;
  return (denoiser.kind == DenoiserKind::span) == has_blanks;
}

void cut_at_eos(const Tokenizer& tokenizer, std::vector<int32_t>& target) {
  target.erase(std::find(target.begin(), target.end(), tokenizer.eos()), target.end());
}

}  // namespace

Denoiser prompt_denoiser(const ObjectiveOptions& options, const std::string& mode,
                         bool has_blanks) {
  if (options.objective == Objective::next_token) {
    throw ConfigError(
        "infill gives the text to the encoder, which data.objective: next_token never shows any; "
        "train with prefix_lm to continue texts");
  }
  for (const Denoiser& denoiser : denoisers_of(options)) {
    const bool only = options.objective == Objective::span_corruption && mode.empty();
    if (!only && !imitates(denoiser, mode, has_blanks)) continue;
    if (has_blanks && denoiser.kind != DenoiserKind::span) break;
    return denoiser;
  }
  if (!mode.empty()) {
    throw ConfigError(
        fmt::format("--mode {}: the model has no denoiser of that name that {}; inspect its "
                    "data.denoisers",
                    mode, has_blanks ? "fills blanks" : "reads a text"));
  }
  throw ConfigError(has_blanks ? "the model was trained to continue texts and not to fill blanks; "
                                 "give a text without <extra_id_0>"
                               : "the model was not trained to continue texts; mark a blank with "
                                 "<extra_id_0>");
}

std::vector<int32_t> infill_prompt(const Tokenizer& tokenizer, const std::string& text,
                                   int32_t mode) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  if (mode >= 0) ids.insert(ids.begin(), mode);
  ids.push_back(tokenizer.eos());
  return ids;
}

std::string target_text(const Tokenizer& tokenizer, std::vector<int32_t> target) {
  cut_at_eos(tokenizer, target);
  return tokenizer.decode(target);
}

// Decoded together with the text, because a first word alone loses the space before it.
std::string continue_text(const Tokenizer& tokenizer, const std::string& text,
                          std::vector<int32_t> target) {
  cut_at_eos(tokenizer, target);
  std::vector<int32_t> ids = tokenizer.encode(text);
  const size_t before = tokenizer.decode(ids).size();
  ids.insert(ids.end(), target.begin(), target.end());
  return text + tokenizer.decode(ids).substr(before);
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
