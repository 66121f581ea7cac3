// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cmd/checkpoint_option.h"
#include "cmd/commands.h"
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

}  // namespace

Run setup_evaluate(CLI::App& app) {
  auto options = add_checkpoint_options(app);
  auto shards = std::make_shared<std::vector<std::string>>();
  auto json = std::make_shared<bool>(false);
  app.add_option("--shards", *shards,
                 "globs of shards, as one text; default: the validation text of the configuration");
  app.add_flag("--json", *json, "print a JSON object");
  return [=] {
    const ChosenCheckpoint chosen = choose_checkpoint(*options);
    Parallel parallel(chosen.config.run);
    Runtime runtime(chosen.config, parallel.mpi.world(), parallel.resources());
    Session session(runtime, chosen.config, open_tokenizer(chosen.config),
                    /*training=*/false);
    session.model.plan(session.exec);
    session.model.allocate(session.exec);
    const RunState state = restore_parameters(session, CheckpointReader(chosen.path));
    Evaluator evaluator(session,
                        shards->empty() ? find_corpora(session.config.data, Split::validation)
                                        : std::vector<Corpus>{{"", expand_globs(*shards)}},
                        session.config.train.eval_sequences);
    print(evaluator.run(), state.step, *json);
    return ExitCode::done;
  };
}

}  // namespace sy
