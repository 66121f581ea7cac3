// metrics.jsonl: one JSON object a line, one line a logged step or evaluation. Each struct lists
// its fields once, as (name, value); the line and the TensorBoard scalars follow from that list.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace sy {

// A logged training step, over all ranks. The trainer decides whether a loss or fraction is of this
// step or a mean since the last logged one.
struct TrainMetrics {
  int64_t step = 0;
  int64_t tokens = 0;  // valid input and target tokens since the run began
  double loss = 0;     // cross-entropy, nats per target token
  double neg_log_perplexity = 0;
  double balance_loss = 0;
  double z_loss = 0;
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  double step_seconds = 0;
  double tokens_per_second = 0;
  double mfu = 0;               // share of the machine's peak FLOP/s
  double dropped_fraction = 0;  // of routed tokens
  double expert_load_max = 0;   // fullest expert / mean

  static constexpr const char* kKind = "train";
  template <class Visitor>
  void fields(Visitor&& visit) const {
    visit("step", step);
    visit("tokens", tokens);
    visit("loss", loss);
    visit("neg_log_perplexity", neg_log_perplexity);
    visit("balance_loss", balance_loss);
    visit("z_loss", z_loss);
    visit("grad_norm", grad_norm);
    visit("learning_rate", learning_rate);
    visit("step_seconds", step_seconds);
    visit("tokens_per_second", tokens_per_second);
    visit("mfu", mfu);
    visit("dropped_fraction", dropped_fraction);
    visit("expert_load_max", expert_load_max);
  }
};

// An evaluation made after training step `step`.
struct EvaluationMetrics {
  int64_t step = 0;
  int64_t tokens = 0;  // trained on so far, as above
  double loss = 0;
  double neg_log_perplexity = 0;
  double dropped_fraction = 0;
  double expert_load_max = 0;
  int64_t sequences = 0;      // evaluated
  int64_t target_tokens = 0;  // that the loss is the mean over
  double seconds = 0;

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
  }
};

// A metric's line without the newline. Numbers read back to the same bits, so two runs can be
// compared bit for bit; a number that is not finite becomes null.
std::string to_json(const TrainMetrics& metrics);
std::string to_json(const EvaluationMetrics& metrics);

// Exists on rank 0 only. Each line has been handed to the operating system when write() returns, so
// a killed run loses at most the end of its last line.
class MetricsWriter {
 public:
  // `resumed_step` is the step of the checkpoint that the run resumes from, 0 for a new run. A new
  // run replaces an existing file. A resumed run removes the lines of later steps, which it will
  // write again, and any line that does not parse (a torn end). Throws RuntimeFailure.
  MetricsWriter(const std::string& path, int64_t resumed_step);

  // Throws RuntimeFailure when the line cannot be written.
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
