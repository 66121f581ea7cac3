// SPDX-License-Identifier: Apache-2.0
#include "lib/finetune/decoding_scorer.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/config/config.h"
#include "lib/config/keys.h"
#include "lib/generate/infill.h"

namespace sy {
namespace {

// The tasks to score.
std::vector<TaskSection> chosen(const std::vector<TaskSection>& all,
                                const std::vector<std::string>& names) {
  std::vector<TaskSection> tasks;
  std::vector<std::string> known;
  for (const TaskSection& task : all) {
    if (task.validation.empty()) continue;
    known.push_back(task.name);
    const bool wanted =
        names.empty() || std::find(names.begin(), names.end(), task.name) != names.end();
    if (wanted) tasks.push_back(task);
  }
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string nearest = nearest_word(name, known);
    throw ConfigError(fmt::format(
        "the task '{}' is not one of data.tasks with validation files; {}", name,
        nearest.empty()
            ? fmt::format("these are {}",
                          known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")))
            : fmt::format("did you mean {}?", nearest)));
  }
  if (tasks.empty()) {
    throw ConfigError("data.tasks: no task has validation files, so there is nothing to score");
  }
  return tasks;
}

DecodingPlace place_of(const Session& session) {
  return {session.mesh.data_rank(), session.mesh.shape().data(), session.config.train.micro_batch};
}

}  // namespace

GenerateOptions decoding_options(const RunConfig& config) {
  const SpecialIds ids = special_ids(config.model);
  GenerateOptions options;
  options.strategy = config.finetune.beams > 1 ? Strategy::beam : Strategy::greedy;
  options.beams = config.finetune.beams;
  options.length_penalty = config.finetune.length_penalty;
  options.max_length = config.data.decoder_length.value;
  options.batch = config.train.micro_batch;
  options.eos = ids.eos;
  options.start = ids.start;
  return options;
}

DecodingScorer::DecodingScorer(Session& session, const std::vector<std::string>& names)
    : session_(session),
      options_(decoding_options(session.config)),
      place_(place_of(session)),
      decoder_(session.model, decode_shape(options_, session.config.data.encoder_length)) {
  const bool scores = session.mesh.rank() == 0;
  for (const TaskSection& task : chosen(session.config.data.tasks, names)) {
    tasks_.push_back(
        read_prompts(task, *session.tokenizer, session.config.data.encoder_length, place_, scores));
  }
}

void DecodingScorer::plan() {
  decoder_.plan(session_.exec);
}

void DecodingScorer::allocate() {
  decoder_.allocate_caches(session_.exec);
  logits_.emplace(session_.model, decoder_, session_.exec, session_.tokenizer->size());
  lockstep_.emplace(*logits_, session_.mesh.host_data(), place_.size);
}

std::vector<TaskAnswers> DecodingScorer::answer() {
  std::vector<TaskAnswers> answers;
  for (const TaskPrompts& task : tasks_) answers.push_back({&task, decode(task)});
  return answers;
}

std::vector<std::string> DecodingScorer::decode(const TaskPrompts& task) {
  std::vector<std::string> predictions;
  for (const Prompts& batch : task.batches) {
    if (batch.empty()) lockstep_->begin({});
    const std::vector<Generated> own = generate(*lockstep_, batch, options_);
    lockstep_->finish();
    gather(own, task.count, predictions);
  }
  return predictions;
}

// Appends the texts of a batch of all ranks, on rank 0, until there are `count`.
void DecodingScorer::gather(const std::vector<Generated>& own, int64_t count,
                            std::vector<std::string>& predictions) {
  const int64_t width = options_.max_length + 1;  // the length comes first
  std::vector<int32_t> sent(static_cast<size_t>(place_.size * width));
  std::vector<int32_t> all(sent.size() * static_cast<size_t>(place_.ranks));
  for (size_t i = 0; i < own.size(); ++i) {
    const auto row = sent.begin() + static_cast<int64_t>(i) * width;
    *row = static_cast<int32_t>(own[i].ids.size());
    std::copy(own[i].ids.begin(), own[i].ids.end(), row + 1);
  }
  session_.mesh.host_data().all_gather(
      Tensor(all.data(), DType::i32, {place_.ranks, place_.size, width}),
      Tensor(sent.data(), DType::i32, {place_.size, width}), "predictions");
  if (session_.mesh.rank() != 0) return;
  for (auto row = all.begin(); row != all.end() && std::ssize(predictions) < count; row += width) {
    predictions.push_back(
        target_text(*session_.tokenizer, std::vector<int32_t>(row + 1, row + 1 + *row)));
  }
}

std::vector<TaskScores> DecodingScorer::score(const std::vector<TaskAnswers>& answers) const {
  std::vector<TaskScores> all;
  for (const TaskAnswers& of : answers) {
    all.push_back({of.task->task, {}});
    if (of.predictions.empty()) continue;
    std::vector<Answer> pairs;
    for (size_t i = 0; i < of.predictions.size(); ++i) {
      pairs.push_back({of.predictions[i], &of.task->examples[i]});
    }
    for (const std::string& metric : of.task->metrics) {
      for (Score& each : sy::score(metric, pairs, of.task->labels))
        all.back().scores.push_back(std::move(each));
    }
  }
  add_averages(all);
  return all;
}

// Each as a task of its own. Which there are follows from the forms, so that other ranks, which
// have no scores, have the same.
void DecodingScorer::add_averages(std::vector<TaskScores>& all) const {
  const bool has_scores = !all.empty() && !all.front().scores.empty();
  std::vector<FormScores> tasks;
  for (size_t i = 0; i < all.size(); ++i) {
    tasks.push_back({tasks_[i].form, has_scores ? all[i].scores : std::vector<Score>{{"", 0}}});
  }
  for (const Score& average : benchmark_averages(tasks)) {
    all.push_back({average.name, {}});
    if (has_scores) all.back().scores.push_back({"average", average.value});
  }
}

MakeTaskScorer task_scorer(const RunConfig& config) {
  return [evaluates = config.train.eval_every > 0](Session& session) {
    return evaluates ? std::make_unique<DecodingScorer>(session) : nullptr;
  };
}

}  // namespace sy
