// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/answers.h"

#include <simdjson.h>

#include "lib/base/error.h"
#include "lib/data/text/line_reader.h"

namespace sy {
namespace {

using simdjson::dom::element;

constexpr int64_t kMaxLineBytes = 64 << 20;

static_assert(LineReader::kPadding >= static_cast<int64_t>(simdjson::SIMDJSON_PADDING));

[[noreturn]] void fail_at(const std::string& place, const std::string& expected) {
  throw DataError(fmt::format("{}: expected {}", place, expected));
}

// Calls use(value, place) for each line of the file.
template <class Use>
void for_each_value(const std::string& path, const std::string& expected, Use use) {
  try {
    LineReader lines(open_shard(path), kMaxLineBytes, /*cancelled=*/nullptr);
    simdjson::dom::parser parser;
    std::string_view line;
    for (int64_t number = 1;; ++number) {
      const LineReader::Result result = lines.next(line);
      if (result == LineReader::Result::end) return;
      const std::string place = fmt::format("line {} of {}", number, path);
      element value;
      const bool whole = result == LineReader::Result::line;
      if (!whole ||
          parser.parse(line.data(), line.size(), /*realloc_if_needed=*/false).get(value)) {
        fail_at(place, expected);
      }
      use(value, place);
    }
  } catch (const ShardFault& fault) {
    throw DataError(fmt::format("{} {}; give a file of JSON lines", path, fault.what()));
  }
}

std::string text_of(element value, const std::string& place, const std::string& expected) {
  std::string_view text;
  if (value.get(text)) fail_at(place, expected);
  return std::string(text);
}

std::vector<std::string> texts_of(element value, const std::string& place,
                                  const std::string& expected) {
  simdjson::dom::array array;
  if (value.get(array)) return {text_of(value, place, expected)};
  std::vector<std::string> texts;
  for (const element item : array) texts.push_back(text_of(item, place, expected));
  if (texts.empty()) fail_at(place, expected);
  return texts;
}

TextExample example_of(element value, const std::string& place, const std::string& expected) {
  TextExample example;
  simdjson::dom::object object;
  if (value.get(object)) {
    example.targets = texts_of(value, place, expected);
    return example;
  }
  element targets, group, right;
  if (object["targets"].get(targets)) fail_at(place, expected);
  example.targets = texts_of(targets, place, expected);
  if (!object["group"].get(group)) {
    example.group = group.is_int64() ? simdjson::minify(group) : text_of(group, place, expected);
  }
  if (!object["right"].get(right) && right.get(example.right)) fail_at(place, expected);
  return example;
}

}  // namespace

std::vector<std::string> read_predictions(const std::string& path) {
  const std::string expected = R"("text" or {"prediction": "text"})";
  std::vector<std::string> predictions;
  for_each_value(path, expected, [&](element value, const std::string& place) {
    simdjson::dom::object object;
    element text = value;
    if (!value.get(object) && object["prediction"].get(text)) fail_at(place, expected);
    predictions.push_back(text_of(text, place, expected));
  });
  return predictions;
}

std::vector<TextExample> read_targets(const std::string& path) {
  const std::string expected =
      R"("text", ["text", ...] or {"targets": [...], "group": "text", "right": true})";
  std::vector<TextExample> examples;
  for_each_value(path, expected, [&](element value, const std::string& place) {
    examples.push_back(example_of(value, place, expected));
  });
  return examples;
}

std::vector<Answer> pair_answers(const std::vector<std::string>& predictions,
                                 const std::vector<TextExample>& examples,
                                 const std::string& predictions_path,
                                 const std::string& targets_path) {
  if (predictions.size() != examples.size()) {
    throw DataError(fmt::format(
        "{} has {} predictions and {} has {} targets; each line of one belongs to that line of the "
        "other",
        predictions_path, predictions.size(), targets_path, examples.size()));
  }
  std::vector<Answer> answers;
  for (size_t i = 0; i < examples.size(); ++i) answers.push_back({predictions[i], &examples[i]});
  return answers;
}

}  // namespace sy
