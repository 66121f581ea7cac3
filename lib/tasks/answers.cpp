// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/answers.h"

#include "lib/base/error.h"
#include "lib/tasks/json_lines.h"

namespace sy {
namespace {

using simdjson::dom::element;

std::vector<std::string> texts_of(const JsonLine& line, element value) {
  simdjson::dom::array array;
  if (value.get(array)) return {line.text(value)};
  std::vector<std::string> texts;
  for (const element item : array) texts.push_back(line.text(item));
  if (texts.empty()) line.fail();
  return texts;
}

TextExample example_of(const JsonLine& line) {
  TextExample example;
  simdjson::dom::object object;
  if (line.value().get(object)) {
    example.targets = texts_of(line, line.value());
    return example;
  }
  example.targets = texts_of(line, line.at("targets"));
  element group, right;
  if (!object["group"].get(group)) {
    example.group = group.is_int64() ? simdjson::minify(group) : line.text(group);
  }
  if (!object["right"].get(right) && right.get(example.right)) line.fail();
  return example;
}

}  // namespace

std::vector<std::string> read_predictions(const std::string& path) {
  std::vector<std::string> predictions;
  for_each_json_line(path, R"("text" or {"prediction": "text"})", [&](const JsonLine& line) {
    const bool alone = line.value().is_string();
    predictions.push_back(line.text(alone ? line.value() : line.at("prediction")));
  });
  return predictions;
}

std::vector<TextExample> read_targets(const std::string& path) {
  std::vector<TextExample> examples;
  for_each_json_line(
      path, R"("text", ["text", ...] or {"targets": [...], "group": "text", "right": true})",
      [&](const JsonLine& line) { examples.push_back(example_of(line)); });
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
