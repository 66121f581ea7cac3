// SPDX-License-Identifier: Apache-2.0
#include "lib/config/task_relations.h"

#include <set>

#include "lib/config/text_rules.h"

namespace sy {
namespace {

void check_task(Checker& check, const std::string& section, const TaskSection& task) {
  check.require(is_name(task.name), section + "name",
                "'{}' is not a word of letters, digits, _, - and .; give the task one", task.name);
  check.require(!task.train.empty(), section + "train",
                "is an empty list; give at least one file or glob");
  if (!task.rate.is_auto) check.not_negative(section + "rate", task.rate.value);
}

}  // namespace

void check_tasks(Checker& check, const RunConfig& config) {
  const DataSection& data = config.data;
  check.require(
      !data.packing || !data.tasks.empty(), "data.packing",
      "is for the examples of data.tasks: windows of text fill their rows; set it to false");
  const bool buckets = data.bucket_batches > 1;
  check.require(!buckets || !data.tasks.empty(), "data.bucket_batches",
                "{} is for the examples of data.tasks: windows of text are of one length; set it "
                "to 1",
                data.bucket_batches);
  check.require(!buckets || !data.packing, "data.bucket_batches",
                "{} is not available with data.packing, whose rows are full; set it to 1, or "
                "data.packing to false",
                data.bucket_batches);
  if (data.tasks.empty()) return;
  std::set<std::string> names;
  bool any_validation = false;
  for (size_t i = 0; i < data.tasks.size(); ++i) {
    const TaskSection& task = data.tasks[i];
    check_task(check, fmt::format("data.tasks[{}].", i), task);
    check.require(names.insert(task.name).second, "data.tasks",
                  "{} is the name of two tasks; rename one and give its form", task.name);
    any_validation = any_validation || !task.validation.empty();
  }
  check.require(data.format == DataFormat::text, "data.format",
                "ids has no text, which data.tasks consist of; use text");
  check.require(!data.decoder_length.is_auto, "data.decoder_length",
                "auto follows from an objective, and data.tasks have none; give the tokens of the "
                "longest target, such as 84 for GLUE");
  check.require(config.train.eval_every == 0 || any_validation, "train.eval_every",
                "no task of data.tasks has validation files; give some, or set this to 0");
}

void check_finetune(Checker& check, const FinetuneSection& finetune) {
  constexpr int64_t kMostBeams = 1 << 10;
  check.integer("finetune.beams", finetune.beams, 1, kMostBeams);
  check.not_negative("finetune.length_penalty", finetune.length_penalty);
}

}  // namespace sy
