// SPDX-License-Identifier: Apache-2.0
// The validation examples of a task, dealt out to the data ranks for decoding: batch b of rank r is
// examples [(b * ranks + r) * size, + size). The routing groups of the encoder are therefore the
// same on every mesh.
#pragma once

#include <string>
#include <vector>

#include "lib/generate/generate.h"
#include "lib/tasks/task_examples.h"

namespace sy {

// A rank's place among those that decode.
struct DecodingPlace {
  int64_t rank = 0, ranks = 1;  // data ranks
  int64_t size = 1;             // prompts of a rank in a batch

  int64_t batches(int64_t examples) const;
  // The first example of this rank's part of a batch. It may lie behind the last one.
  int64_t first(int64_t batch) const { return (batch * ranks + rank) * size; }
};

struct TaskPrompts {
  std::string task, form;
  std::vector<std::string> metrics;
  std::vector<std::string> labels;    // of its classes (task.h)
  std::vector<TextExample> examples;  // all of them, if they were asked for
  int64_t count = 0;                  // of examples, on every rank
  std::vector<Prompts> batches;       // of this rank
};

// Reads the validation examples of a task. Inputs longer than `limit` tokens are cut and, on rank
// 0, reported. `keep_examples`: for scoring. Throws as form_of(), metrics_of() and SplitReader do.
TaskPrompts read_prompts(const TaskSection& section, const Tokenizer& tokenizer, int64_t limit,
                         const DecodingPlace& place, bool keep_examples);

}  // namespace sy
