// SPDX-License-Identifier: Apache-2.0
#include "lib/data/saved_examples.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/numeric.h"

namespace sy {

void save_example(const Example& example, std::vector<int64_t>& numbers,
                  std::vector<int32_t>& tokens) {
  numbers.insert(numbers.end(), {example.denoiser, example.part, std::ssize(example.input_ends)});
  if (example.input_ends.empty()) {
    numbers.insert(numbers.end(), {std::ssize(example.inputs), std::ssize(example.targets)});
  }
  for (const auto* ends : {&example.input_ends, &example.target_ends}) {
    numbers.insert(numbers.end(), ends->begin(), ends->end());
  }
  for (const auto* ids : {&example.inputs, &example.targets}) {
    tokens.insert(tokens.end(), ids->begin(), ids->end());
  }
}

Example SavedExamples::next() {
  Example example;
  example.denoiser = number();
  example.part = number();
  const int64_t count = number();
  require(count <= std::ssize(numbers_));
  read_ends(example.input_ends, std::max<int64_t>(count, 1), lengths_.inputs);
  read_ends(example.target_ends, std::max<int64_t>(count, 1), lengths_.targets);
  read_ids(example.inputs, example.input_ends.back());
  read_ids(example.targets, example.target_ends.back());
  if (count == 0) {
    example.input_ends.clear();
    example.target_ends.clear();
  }
  return example;
}

void SavedExamples::require(bool condition) const {
  if (condition) return;
  throw DataError(
      fmt::format("the saved position of data stream {} does not hold examples of at most {} and "
                  "{} tokens; resume with the configuration that it was saved with",
                  state_.stream, lengths_.inputs, lengths_.targets));
}

int64_t SavedExamples::number() {
  require(!numbers_.empty());
  const int64_t first = numbers_.front();
  numbers_ = numbers_.subspan(1);
  return first;
}

void SavedExamples::read_ends(std::vector<int32_t>& ends, int64_t count, int64_t most) {
  int64_t before = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t end = number();
    require(before <= end && end <= most);
    ends.push_back(narrow<int32_t>(end));
    before = end;
  }
}

void SavedExamples::read_ids(std::vector<int32_t>& ids, int64_t count) {
  require(count <= std::ssize(tokens_));
  const auto first = tokens_.first(static_cast<size_t>(count));
  ids.assign(first.begin(), first.end());
  tokens_ = tokens_.subspan(first.size());
}

}  // namespace sy
