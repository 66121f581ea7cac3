// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/tasks/scores.h"

namespace sy::test {

struct AnswerSet {
  std::vector<std::string> predictions;
  std::vector<TextExample> examples;

  void add(std::string prediction, std::vector<std::string> targets, std::string group = "") {
    predictions.push_back(std::move(prediction));
    TextExample example;
    example.targets = std::move(targets);
    example.group = std::move(group);
    examples.push_back(std::move(example));
  }

  // From `begin` to before `end`. They point into this set.
  std::vector<Answer> part(size_t begin, size_t end) const {
    std::vector<Answer> answers;
    for (size_t i = begin; i < end; ++i) answers.push_back({predictions[i], &examples[i]});
    return answers;
  }
  std::vector<Answer> all() const { return part(0, examples.size()); }
};

}  // namespace sy::test
