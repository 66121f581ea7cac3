// SPDX-License-Identifier: Apache-2.0
// metrics.jsonl: one JSON object per line, one line per logged step or evaluation. Each struct
// lists its fields once, as (name, value), for both JSON lines and TensorBoard scalars.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/train/task_scores.h"

namespace sy {

// Of one sparse layer, over its routed tokens. `layer` is its name, such as encoder/layers/1.
struct RouterMetrics {
  std::string layer;
  double dropped_fraction = 0;   // of choices; with expert_choice, tokens that no expert took
  double experts_per_token = 0;  // mean number of experts that compute a token
  double load_max = 0;           // fullest expert / mean
  double entropy = 0;            // mean entropy of the router's probabilities, nats
  double top_probability = 0;    // mean of the largest of them

  template <class Visitor>
  void fields(Visitor&& visit) const {
    visit("dropped_fraction", dropped_fraction);
    visit("experts_per_token", experts_per_token);
    visit("load_max", load_max);
    visit("entropy", entropy);
    visit("top_probability", top_probability);
  }
};

// A logged training step, over all ranks. The trainer decides which values are means since the last
// logged step and which are of this step. Seconds and rates describe the machine, everything else
// the run.
struct TrainMetrics {
  int64_t step = 0;
  int64_t tokens = 0;  // input and target tokens, padding excluded, since the run began
  double loss = 0;     // cross-entropy, nats per target token
  double neg_log_perplexity = 0;
  // Cross-entropy with a teacher's distribution in place of the targets; with a teacher only.
  std::optional<double> soft_loss;
  double balance_loss = 0;
  double z_loss = 0;
  // Mean over groups, summed over layers; with their coefficients only.
  std::optional<double> second_place_loss, importance_loss, load_loss;
  std::optional<double> logit_z_loss;  // mean (log Z)^2, with train.logit_z_loss only
  // The limit of a loss that leaps over it; the step was not applied then (spike_guard.h).
  std::optional<double> spike_limit;
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double step_seconds = 0;  // saves and evaluations excluded
  double save_seconds = 0;  // that checkpoints have delayed training since the last logged step
  double tokens_per_second = 0;
  // Of the time since the last logged step, over ranks (wait_meter.h): how much of it they waited
  // in collectives, which rank waited least, and how much longer the others waited than it. Only
  // on the CPU and with several ranks.
  std::optional<double> wait_share, straggler_share;
  std::optional<int64_t> straggler_rank;
  double mfu = 0;               // model FLOP/s / the measured matrix rate (gemm_rate.h)
  double dropped_fraction = 0;  // of routed tokens
  double expert_load_max = 0;   // fullest expert / mean
  // The share of the time of all starts that trained steps which were kept (run_ledger.h).
  std::optional<double> goodput;
  std::vector<RouterMetrics> router;

  static constexpr const char* kKind = "train";
  template <class Visitor>
  void fields(Visitor&& visit) const {
    visit("step", step);
    visit("tokens", tokens);
    visit("loss", loss);
    visit("neg_log_perplexity", neg_log_perplexity);
    if (soft_loss) visit("soft_loss", *soft_loss);
    visit("balance_loss", balance_loss);
    visit("z_loss", z_loss);
    if (second_place_loss) visit("second_place_loss", *second_place_loss);
    if (importance_loss) visit("importance_loss", *importance_loss);
    if (load_loss) visit("load_loss", *load_loss);
    if (logit_z_loss) visit("logit_z_loss", *logit_z_loss);
    if (spike_limit) visit("spike_limit", *spike_limit);
    visit("grad_norm", grad_norm);
    visit("learning_rate", learning_rate);
    visit("step_seconds", step_seconds);
    visit("save_seconds", save_seconds);
    visit("tokens_per_second", tokens_per_second);
    visit("mfu", mfu);
    if (wait_share) visit("wait_share", *wait_share);
    if (straggler_rank) visit("straggler_rank", *straggler_rank);
    if (straggler_share) visit("straggler_share", *straggler_share);
    visit("dropped_fraction", dropped_fraction);
    visit("expert_load_max", expert_load_max);
    if (goodput) visit("goodput", *goodput);
    if (!router.empty()) visit("router", router);
  }
};

// The evaluation loss of one of data.corpora.
struct CorpusLoss {
  std::string corpus;
  double loss = 0;
};

// An evaluation made after training step `step`.
struct EvaluationMetrics {
  int64_t step = 0;
  int64_t tokens = 0;  // trained on so far
  double loss = 0;     // mean over target tokens; of corpora, the mean of theirs
  double neg_log_perplexity = 0;
  double dropped_fraction = 0;
  double expert_load_max = 0;
  int64_t sequences = 0;      // evaluated
  int64_t target_tokens = 0;  // in them
  double seconds = 0;
  std::vector<CorpusLoss> corpora;  // those with validation shards
  std::vector<TaskScores> tasks;
  std::vector<RouterMetrics> router;

  static constexpr const char* kKind = "evaluation";
  template <class Visitor>
  void fields(Visitor&& visit) const {
    visit("step", step);
    visit("tokens", tokens);
    visit("loss", loss);
    visit("neg_log_perplexity", neg_log_perplexity);
    visit("dropped_fraction", dropped_fraction);
    visit("expert_load_max", expert_load_max);
    visit("sequences", sequences);
    visit("target_tokens", target_tokens);
    visit("seconds", seconds);
    if (!corpora.empty()) visit("corpora", corpora);
    if (!tasks.empty()) visit("tasks", tasks);
    if (!router.empty()) visit("router", router);
  }
};

// The JSON object without newline; `router` is an object by layer, `corpora` and `tasks` are
// objects by name. Numbers have the shortest form that parses to the same bits, so that runs can be
// compared bit for bit. Non-finite values become null.
std::string to_json(const TrainMetrics& metrics);
std::string to_json(const EvaluationMetrics& metrics);

// For rank 0 only. Each line has been handed to the operating system when write() returns, so a
// killed run loses at most the end of its last line.
class MetricsWriter {
 public:
  // `resumed_step` is the step of the checkpoint that the run resumes from. Lines of later steps,
  // which will be written again, and malformed lines (a torn end) are removed. 0 starts a new file,
  // replacing an older one. Throws RuntimeFailure.
  MetricsWriter(const std::string& path, int64_t resumed_step);

  // Throw RuntimeFailure if the line cannot be written.
  void write(const TrainMetrics& metrics) { write_line(to_json(metrics)); }
  void write(const EvaluationMetrics& metrics) { write_line(to_json(metrics)); }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write_line(const std::string& line);

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace sy
