#include "cmd/infill_input.h"

#include <simdjson.h>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "lib/base/error.h"
#include "lib/base/numeric.h"
#include "lib/generate/infill.h"

namespace sy {
namespace {

// Calls use(line, place) for every line of the file, or of standard input.
template <class Use>
void for_each_line(const std::string& path, Use&& use) {
  std::ifstream file;
  if (path != "-") file.open(path);
  if (path != "-" && !file) {
    throw DataError(fmt::format("{} cannot be opened; name a readable file", path));
  }
  std::istream& stream = path == "-" ? std::cin : file;
  const std::string name = path == "-" ? "standard input" : path;
  int64_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    use(line, fmt::format("line {} of {}", ++number, name));
  }
}

std::vector<int32_t> parse_ids(simdjson::dom::parser& parser, const std::string& line,
                               const std::string& place, int64_t vocabulary) {
  simdjson::dom::array inputs;
  if (parser.parse(line)["inputs"].get(inputs) != simdjson::SUCCESS || inputs.size() == 0) {
    throw DataError(
        fmt::format("{} is not an object {{\"inputs\": [ids]}} with one id or more", place));
  }
  std::vector<int32_t> ids;
  for (const simdjson::dom::element element : inputs) {
    int64_t id = 0;
    if (element.get(id) != simdjson::SUCCESS || id < 0 || id >= vocabulary) {
      throw DataError(fmt::format("{}: {} is no id of the model's vocabulary of {}", place,
                                  simdjson::minify(element), vocabulary));
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

}  // namespace

InfillInput read_texts(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                       const std::string& lines) {
  InfillInput input;
  const auto add = [&](const std::string& text, const std::string& place) {
    input.places.push_back(place);
    input.texts.push_back(text);
    input.prompts.push_back(infill_prompt(tokenizer, text));
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

int64_t fitting_length(const InfillInput& input, int64_t limit) {
  constexpr int64_t kMultiple = 16;
  int64_t longest = 1;
  for (size_t i = 0; i < input.prompts.size(); ++i) {
    const int64_t length = std::ssize(input.prompts[i]);
    if (limit > 0 && length > limit) {
      throw ConfigError(
          fmt::format("{} has {} tokens and the model reads {} (data.encoder_length): give a "
                      "shorter text",
                      input.places[i], length, limit));
    }
    longest = std::max(longest, length);
  }
  const int64_t rounded = round_up(longest, kMultiple);
  return limit > 0 ? std::min(rounded, limit) : rounded;
}

}  // namespace sy
