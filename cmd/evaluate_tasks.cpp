// SPDX-License-Identifier: Apache-2.0
#include "cmd/evaluate_tasks.h"

#include <cstdio>
#include <fstream>
#include <sstream>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/finetune/decoding_scorer.h"
#include "lib/train/checkpointing.h"

namespace sy {
namespace {

void print(const std::vector<TaskScores>& tasks, int64_t step, bool json) {
  Json object{{"step", step}, {"tasks", Json::object()}};
  for (const TaskScores& of : tasks) {
    Json& scores = object["tasks"][of.task] = Json::object();
    for (const Score& score : of.scores) {
      scores[score.name] = score.value;
      if (!json) fmt::print("step {}: {} {} {:.2f}\n", step, of.task, score.name, score.value);
    }
  }
  if (json) fmt::print("{}\n", json_line(object));
}

// A line for each example.
void write(const std::string& path, const std::vector<TaskAnswers>& answers) {
  std::ofstream file(path);
  for (const TaskAnswers& of : answers) {
    for (size_t i = 0; i < of.predictions.size(); ++i) {
      const TextExample& example = of.task->examples[i];
      const Json line{{"task", of.task->task},
                      {"inputs", example.inputs},
                      {"targets", example.targets},
                      {"prediction", of.predictions[i]}};
      file << json_line(line) << '\n';
    }
  }
  file.flush();
  if (!file) throw RuntimeFailure(fmt::format("--predictions {}: it cannot be written", path));
}

}  // namespace

std::vector<std::string> task_names(const std::string& text) {
  std::vector<std::string> names;
  if (text.empty()) return names;
  std::istringstream parts(text + ",");
  for (std::string name; std::getline(parts, name, ',');) {
    if (name.empty()) {
      throw ConfigError(fmt::format(
          "--tasks: '{}' has a task without a name; give names with one comma between", text));
    }
    names.push_back(std::move(name));
  }
  return names;
}

void evaluate_tasks(Session& session, const std::string& checkpoint,
                    const EvaluateTasksOptions& options) {
  DecodingScorer scorer(session, options.names);
  scorer.plan();
  session.model.allocate(session.exec);
  scorer.allocate();
  const RunState state = restore_parameters(session, CheckpointReader(checkpoint));
  const std::vector<TaskAnswers> answers = scorer.answer();
  if (session.mesh.rank() != 0) return;
  print(scorer.score(answers), state.step, options.json);
  if (!options.predictions.empty()) write(options.predictions, answers);
}

}  // namespace sy
