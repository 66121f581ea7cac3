// SPDX-License-Identifier: Apache-2.0
// The examples of the tasks of a configuration (data.tasks), as text and as the ids that the model
// reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/data/corpora.h"
#include "lib/data/tokenizer/tokenizer.h"
#include "lib/tasks/task.h"

namespace sy {

// The form of a task's files: that of its key `form` or, if that is empty, of its name. Throws
// ConfigError with the nearest form if there is none.
const Task& form_of(const TaskSection& section);

// Its metrics: those that it lists, or those of its form. Throws ConfigError if one is unknown,
// with the nearest one, or needs classes that the form has not.
std::vector<std::string> metrics_of(const TaskSection& section);

// The globs of a split.
const std::vector<std::string>& files_of(const TaskSection& section, Split split);

// The examples of one split of a task, one after another.
class SplitReader {
 public:
  SplitReader(const TaskSection& section, Split split);

  // As TaskReader::next(). Throws DataError too if the split ends without an example. A target may
  // be empty, as those of SQuAD 2 are that have no answer: eos alone is learnt then.
  bool next(TextExample& example);
  int64_t count() const { return count_; }  // of examples so far

 private:
  std::string place() const;  // for messages

  const TaskSection& section_;
  const std::vector<std::string>& files_;
  std::unique_ptr<TaskReader> reader_;
  int64_t count_ = 0;
};

// Overwrites `ids` with those of `text` and eos. If they are more than `limit`, the last ones
// before eos are cut off. Returns whether they were.
bool encode_within(const Tokenizer& tokenizer, std::string_view text, int64_t limit,
                   std::vector<int32_t>& ids);

}  // namespace sy
