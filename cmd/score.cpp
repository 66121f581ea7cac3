// SPDX-License-Identifier: Apache-2.0
#include "lib/tasks/scores.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cmd/commands.h"
#include "cmd/option_checks.h"
#include "lib/base/json.h"
#include "lib/config/keys.h"
#include "lib/tasks/answers.h"

namespace sy {
namespace {

struct ScoreOptions {
  std::string metric, predictions, targets;
  std::vector<std::string> labels;
  bool json = false;
};

bool is_of_classes(const std::string& metric) {
  return needs_labels(metric) || takes_two_labels(metric);
}

std::vector<std::string> metrics_of_classes() {
  std::vector<std::string> names;
  for (const std::string& name : metric_names()) {
    if (is_of_classes(name)) names.push_back(name);
  }
  return names;
}

void check_options(const CLI::App& app, const ScoreOptions& options) {
  const std::vector<std::string>& names = metric_names();
  if (std::find(names.begin(), names.end(), options.metric) == names.end()) {
    const std::string nearest = nearest_word(options.metric, names);
    throw ConfigError(nearest.empty()
                          ? fmt::format("score: there is no metric '{}'; one of {}", options.metric,
                                        fmt::join(names, ", "))
                          : fmt::format("score: there is no metric '{}'; did you mean {}?",
                                        options.metric, nearest));
  }
  check_use(app, "--labels", is_of_classes(options.metric),
            fmt::format("{}", fmt::join(metrics_of_classes(), ", ")));
  if (needs_labels(options.metric) && options.labels.size() < 2) {
    throw ConfigError(
        fmt::format("score: {} is of classes; give their labels in order, such as --labels no,yes",
                    options.metric));
  }
  if (takes_two_labels(options.metric) && !options.labels.empty() && options.labels.size() != 2) {
    throw ConfigError(fmt::format("score: {} is of two classes, but --labels names {}",
                                  options.metric, options.labels.size()));
  }
}

ExitCode run_score(const CLI::App& app, const ScoreOptions& options) {
  check_options(app, options);
  const std::vector<std::string> predictions = read_predictions(options.predictions);
  const std::vector<TextExample> examples = read_targets(options.targets);
  const std::vector<Answer> answers =
      pair_answers(predictions, examples, options.predictions, options.targets);
  const std::vector<Score> scores = score(options.metric, answers, options.labels);
  if (!options.json) {
    for (const Score& score : scores) fmt::print("{} {:.2f}\n", score.name, score.value);
    return ExitCode::done;
  }
  Json values = Json::object();
  for (const Score& score : scores) values[score.name] = score.value;
  const Json object{
      {"metric", options.metric}, {"examples", answers.size()}, {"scores", std::move(values)}};
  fmt::print("{}\n", json_line(object));
  return ExitCode::done;
}

}  // namespace

Run setup_score(CLI::App& app) {
  auto options = std::make_shared<ScoreOptions>();
  app.add_option("METRIC", options->metric, fmt::format("{}", fmt::join(metric_names(), " | ")))
      ->required();
  app.add_option("--predictions", options->predictions,
                 "JSON lines: \"text\" or {\"prediction\": \"text\"}")
      ->type_name("FILE")
      ->required();
  app.add_option("--targets", options->targets,
                 "JSON lines: \"text\", [\"text\", ...] or {\"targets\": [...], \"group\": ...}")
      ->type_name("FILE")
      ->required();
  app.add_option("--labels", options->labels,
                 "f1, f1_macro, matthews, multirc: the classes' texts in the order of their "
                 "numbers; f1 is that of the second one")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_flag("--json", options->json, "one JSON object: metric, examples, scores");
  return [&app, options] { return run_score(app, *options); };
}

}  // namespace sy
