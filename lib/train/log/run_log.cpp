// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/run_log.h"

#include "lib/base/log.h"

namespace sy {
namespace {

// "en 2.1034, sw 3.2170"
std::string describe(const std::vector<CorpusLoss>& corpora) {
  std::string text;
  for (const CorpusLoss& of : corpora) {
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", of.corpus, of.loss);
  }
  return text;
}

// "rte accuracy 61.01", one after another.
std::string text_of(const std::vector<TaskScores>& tasks) {
  std::string text;
  for (const TaskScores& of : tasks) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", of.task);
    for (const Score& score : of.scores) text += fmt::format(" {} {:.2f}", score.name, score.value);
  }
  return text;
}

}  // namespace

RunLog::RunLog(const std::string& folder, const Session& session, int64_t resumed_step,
               double peak_flops)
    : metrics_(folder + "/metrics.jsonl", resumed_step),
      events_(folder, resumed_step),
      progress_(resumed_step, session.config.train.steps),
      model_(session.config.model),
      sequences_(static_cast<double>(session.config.train.global_batch)),
      peak_flops_(peak_flops) {}

void RunLog::train(TrainMetrics metrics, const StreamLengths& lengths) {
  const double flops =
      sequences_ * SwitchModel::flops_per_sequence(model_, lengths[kEncoder], lengths[kDecoder]);
  metrics.neg_log_perplexity = -metrics.loss;
  metrics.mfu = flops / metrics.step_seconds / peak_flops_;
  metrics_.write(metrics);
  events_.write(metrics);
  progress_.report(metrics);
}

void RunLog::evaluation(int64_t step, int64_t tokens, const Evaluation& evaluation,
                        double seconds) {
  EvaluationMetrics metrics;
  metrics.step = step;
  metrics.tokens = tokens;
  metrics.loss = evaluation.loss;
  metrics.neg_log_perplexity = -evaluation.loss;
  metrics.dropped_fraction = evaluation.dropped_fraction;
  metrics.expert_load_max = evaluation.expert_load_max;
  metrics.sequences = evaluation.sequences;
  metrics.target_tokens = evaluation.target_tokens;
  metrics.seconds = seconds;
  metrics.tasks = evaluation.tasks;
  metrics.router = evaluation.router;
  metrics.corpora = evaluation.corpora;
  metrics_.write(metrics);
  events_.write(metrics);
  log::info("step {}  validation loss {:.4f} over {} sequences, {} target tokens", step,
            evaluation.loss, evaluation.sequences, evaluation.target_tokens);
  if (!evaluation.corpora.empty()) log::info("  by corpus: {}", describe(evaluation.corpora));
  if (!evaluation.tasks.empty()) log::info("step {}  {}", step, text_of(evaluation.tasks));
}

}  // namespace sy
