// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cmd/checkpoint_option.h"
#include "cmd/commands.h"
#include "cmd/evaluate_tasks.h"
#include "cmd/parallel.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/data/text/shard_list.h"
#include "lib/train/evaluate.h"

namespace sy {
namespace {

Json by_corpus(const Evaluation& evaluation) {
  Json object = Json::object();
  for (const CorpusLoss& of : evaluation.corpora) object[of.corpus] = of.loss;
  return object;
}

void print(const Evaluation& evaluation, int64_t step, bool json) {
  if (log::rank() != 0) return;
  if (json) {
    Json object{{"step", step},
                {"loss", evaluation.loss},
                {"neg_log_perplexity", -evaluation.loss},
                {"sequences", evaluation.sequences},
                {"target_tokens", evaluation.target_tokens},
                {"dropped_fraction", evaluation.dropped_fraction}};
    if (!evaluation.corpora.empty()) object["corpora"] = by_corpus(evaluation);
    fmt::print("{}\n", json_line(object));
  } else {
    fmt::print(
        "step {}: loss {:.4f} nats per token, negative log perplexity {:.4f}, {} sequences, {} "
        "target tokens, {:.2f} % dropped\n",
        step, evaluation.loss, -evaluation.loss, evaluation.sequences, evaluation.target_tokens,
        100 * evaluation.dropped_fraction);
    for (const CorpusLoss& of : evaluation.corpora) {
      fmt::print("  {}: loss {:.4f}\n", of.corpus, of.loss);
    }
  }
}

void evaluate_text(Session& session, const std::string& checkpoint, bool json) {
  session.model.plan(session.exec);
  session.model.allocate(session.exec);
  const RunState state = restore_parameters(session, CheckpointReader(checkpoint));
  Evaluator evaluator(session, find_corpora(session.config.data, Split::validation),
                      session.config.train.eval_sequences);
  print(evaluator.run(), state.step, json);
}

// Validation on these shards instead of those, the corpora or the tasks, of the configuration.
// Lengths that were those of tasks are derived from the objective.
void read_shards(DataSection& data, const std::vector<std::string>& shards) {
  if (shards.empty()) return;
  expand_globs(shards, "--shards");  // else the error would be about data.validation
  data.validation = shards;
  data.corpora.clear();
  if (data.tasks.empty()) return;
  data.tasks.clear();
  data.decoder_length = data.window_tokens = {};
}

}  // namespace

Run setup_evaluate(CLI::App& app) {
  auto options = add_checkpoint_options(app);
  auto shards = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  auto tasks = std::make_shared<EvaluateTasksOptions>();
  auto names = std::make_shared<std::string>();
  CLI::Option* of_shards = app.add_option(
      "--shards", *shards,
      "globs of shards, as one text; default: the validation text of the configuration");
  app.add_flag("--json", *json, "print a JSON object");
  CLI::Option* of_tasks =
      app.add_option("--tasks", *names,  // CLI11 would count the parts of a list, and allow one
                     "decode and score data.tasks instead of computing a loss: all of them, or "
                     "those whose names follow, joined by commas")
          ->expected(0, 1)
          ->type_name("[NAME,...]")
          ->excludes(of_shards);
  app.add_option("--predictions", tasks->predictions,
                 "with --tasks: write what was decoded as JSON lines")
      ->type_name("FILE")
      ->needs(of_tasks);
  return [=] {
    tasks->names = task_names(*names);
    ChosenCheckpoint chosen = choose_checkpoint(*options);
    read_shards(chosen.config.data, *shards);
    Parallel parallel(chosen.config.run);
    chosen.path = path_for_all(chosen, parallel.mpi.world());
    Runtime runtime(chosen.config, parallel.mpi.world(), parallel.resources());
    Session session(runtime, chosen.config, open_tokenizer(chosen.config),
                    /*training=*/false);
    if (of_tasks->count() == 0) {
      evaluate_text(session, chosen.path, *json);
    } else {
      tasks->json = *json;
      evaluate_tasks(session, chosen.path, *tasks);
    }
    return ExitCode::done;
  };
}

}  // namespace sy
