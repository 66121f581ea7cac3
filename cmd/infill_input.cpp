// SPDX-License-Identifier: Apache-2.0
#include "cmd/infill_input.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "cmd/text_lines.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/data/denoise.h"
#include "lib/generate/infill.h"

namespace sy {
namespace {

// Numbers of the <extra_id_k> in a text, in their order.
std::vector<int64_t> blanks_of(const std::string& text) {
  static constexpr std::string_view kOpening = "<extra_id_";
  std::vector<int64_t> numbers;
  for (size_t at = text.find(kOpening); at != std::string::npos; at = text.find(kOpening, at + 1)) {
    const char* begin = text.data() + at + kOpening.size();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
    if (error == std::errc() && number >= 0 && *end == '>') numbers.push_back(number);
  }
  return numbers;
}

// The model has seen blanks in order, from <extra_id_0>, each once.
void check_blanks(const Tokenizer& tokenizer, const std::string& text, const std::string& place,
                  const std::vector<int32_t>& prompt) {
  const std::vector<int64_t> blanks = blanks_of(text);
  if (blanks.empty()) {
    log::warn("{} {}; mark a blank with <extra_id_0>", place,
              text.empty() ? "is an empty text" : "has no blank");
  }
  for (size_t i = 0; i < blanks.size(); ++i) {
    const auto expected = static_cast<int64_t>(i);
    if (blanks[i] >= tokenizer.sentinels()) {
      throw ConfigError(
          fmt::format("{}: <extra_id_{}> is beyond the tokenizer's last sentinel, "
                      "<extra_id_{}>",
                      place, blanks[i], tokenizer.sentinels() - 1));
    }
    if (blanks[i] != expected) {
      throw ConfigError(
          fmt::format("{}: <extra_id_{}> stands where <extra_id_{}> is due; number "
                      "the blanks in order, from <extra_id_0>",
                      place, blanks[i], expected));
    }
    const int32_t id = tokenizer.sentinel(expected);
    if (std::find(prompt.begin(), prompt.end(), id) == prompt.end()) {
      throw DataError(
          fmt::format("{}: the tokenizer does not read <extra_id_{}> as one token; its "
                      "sentinels must be user-defined symbols",
                      place, expected));
    }
  }
}

std::vector<int32_t> parse_ids(simdjson::dom::parser& parser, const std::string& line,
                               const std::string& place, int64_t vocabulary) {
  simdjson::dom::array inputs;
  if (parser.parse(line)["inputs"].get(inputs) != simdjson::SUCCESS || inputs.size() == 0) {
    throw DataError(
        fmt::format("{} is not an object {{\"inputs\": [ids]}} with at least one id", place));
  }
  std::vector<int32_t> ids;
  for (const simdjson::dom::element element : inputs) {
    int64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id < 0 || id >= vocabulary) {
      throw DataError(fmt::format("{}: {} is not an id of the vocabulary of {}", place,
                                  simdjson::minify(element), vocabulary));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

}  // namespace

InfillInput read_texts(const Tokenizer& tokenizer, const ObjectiveOptions& objective,
                       const std::string& mode, const std::vector<std::string>& texts,
                       const std::string& lines) {
  InfillInput input;
  const auto add = [&](const std::string& text, const std::string& place) {
    const Denoiser denoiser = prompt_denoiser(objective, mode, !blanks_of(text).empty());
    input.places.push_back(place);
    input.texts.push_back(text);
    input.continued.push_back(denoiser.kind != DenoiserKind::span);
    input.prompts.push_back(infill_prompt(tokenizer, text, mode_token_id(denoiser, tokenizer)));
    if (input.continued.back()) return;
    check_blanks(tokenizer, text, place, input.prompts.back());
  };
  for (const std::string& text : texts) add(text, "--text");
  if (!lines.empty()) for_each_line(lines, add);
  return input;
}

InfillInput read_ids(const std::string& path, int64_t vocabulary) {
  InfillInput input;
  simdjson::dom::parser parser;
  for_each_line(path, [&](const std::string& line, const std::string& place) {
    input.places.push_back(place);
    input.prompts.push_back(parse_ids(parser, line, place, vocabulary));
  });
  return input;
}

}  // namespace sy
