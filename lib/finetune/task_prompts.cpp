// SPDX-License-Identifier: Apache-2.0
#include "lib/finetune/task_prompts.h"

#include "lib/base/log.h"
#include "lib/base/numeric.h"

namespace sy {

int64_t DecodingPlace::batches(int64_t examples) const {
  return ceil_div(examples, ranks * size);
}

TaskPrompts read_prompts(const TaskSection& section, const Tokenizer& tokenizer, int64_t limit,
                         const DecodingPlace& place, bool keep_examples) {
  TaskPrompts prompts;
  prompts.task = section.name;
  prompts.metrics = metrics_of(section);
  prompts.form = form_of(section).name;
  prompts.labels = form_of(section).labels;
  SplitReader reader(section, Split::validation);
  int64_t cut = 0, read = 0;
  for (TextExample example; reader.next(example); ++prompts.count) {
    const int64_t in_batch = prompts.count % (place.ranks * place.size);
    if (in_batch == 0) prompts.batches.emplace_back();
    if (in_batch / place.size == place.rank) {
      Prompts& batch = prompts.batches.back();
      cut += encode_within(tokenizer, example.inputs, limit, batch.emplace_back());
      ++read;
    }
    if (keep_examples) prompts.examples.push_back(example);
  }
  if (cut > 0 && log::rank() == 0) {
    log::warn(
        "task {}: {} of {} validation inputs are longer than data.encoder_length ({}) and are cut",
        section.name, cut, read, limit);
  }
  return prompts;
}

}  // namespace sy
