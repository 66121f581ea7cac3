// SPDX-License-Identifier: Apache-2.0
#include "lib/train/evaluate.h"

#include "lib/base/error.h"
#include "lib/tensor/transfer.h"
#include "lib/train/log/router_summary.h"

namespace sy {
namespace {

// Over all ranks.
struct TextSums {
  double loss = 0;
  double targets = 0;
};

// Sets loss, target tokens and the losses of corpora. The loss is the mean of the texts' losses, so
// that it does not depend on how much text each has.
void set_losses(Evaluation& result, const std::deque<EvaluationText>& texts,
                const std::vector<TextSums>& sums) {
  for (size_t i = 0; i < sums.size(); ++i) {
    const double loss = sums[i].loss / sums[i].targets;
    result.loss += loss / static_cast<double>(sums.size());
    result.target_tokens += static_cast<int64_t>(sums[i].targets);
    if (!texts[i].name().empty()) result.corpora.push_back({texts[i].name(), loss});
  }
}

}  // namespace

Evaluator::Evaluator(Session& session, const std::vector<Corpus>& corpora, int64_t sequences)
    : session_(session) {
  if (corpora.empty()) {
    throw DataError(
        "none of data.corpora has validation shards; give one of them some, or set "
        "train.eval_every: 0");
  }
  for (const Corpus& corpus : corpora) texts_.emplace_back(session, corpus, sequences);
}

void Evaluator::accumulate(const EvaluationText& text) {
  const StepBatch& batch = text.batch();
  StepContext step;
  step.training = false;
  step.seed = static_cast<uint64_t>(session_.config.run.seed);
  for (int64_t i = 0; i < batch.micro_batches(); ++i) {
    step.first_sequence = text.first_sequence() + i * batch.micro_batch_size();
    session_.model.accumulate_forward(session_.exec, batch.micro_batch(i), step);
  }
}

Evaluation Evaluator::run() {
  session_.model.clear_stats(session_.exec);
  std::vector<TextSums> sums;
  double before = 0;
  for (const EvaluationText& text : texts_) {
    accumulate(text);
    const double after = read_number(session_.exec, session_.model.loss_sum());
    sums.push_back({after - before, static_cast<double>(text.batch().target_tokens())});
    before = after;
  }
  session_.mesh.host_data().all_reduce_sum(Tensor(sums.data(), DType::f64, {2 * std::ssize(sums)}),
                                           "losses and target tokens");
  const RouterSummary router = router_summary(session_.exec, session_.model, session_.mesh);
  Evaluation result;
  set_losses(result, texts_, sums);
  for (const EvaluationText& text : texts_) {
    result.sequences += text.found();
    result.counters += text.counters();
  }
  result.dropped_fraction = router.dropped_fraction;
  result.expert_load_max = router.expert_load_max;
  result.router = router.layers;
  return result;
}

}  // namespace sy
